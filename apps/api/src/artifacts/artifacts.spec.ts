import { Client } from 'pg';
import { createTestApi, type TestApi } from '../testing/create-test-api.js';

const NS = '/v1/namespaces/default';
const program = { name: 'cart', type: 'service' };

let api: TestApi;
let database: Client;
beforeAll(async () => {
  api = await createTestApi();
  database = new Client({ connectionString: api.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await api.close();
});
beforeEach(() => database.query('DELETE FROM app_versions; DELETE FROM apps; DELETE FROM artifact_versions'));

const path = (artifact: string, version = '1.0.0') => `${NS}/artifacts/${artifact}/versions/${version}`;
const put = (body: object, artifact = 'shop', version = '1.0.0') => api.http.put(path(artifact, version)).send(body);
const use = (artifact = 'shop', version = '1.0.0') =>
  api.http.post(`${NS}/apps/user/versions`).send({ artifact: { name: artifact, version } });

describe('PUT and GET of an artifact version', () => {
  it('makes it with 201 and every default written out; GET gives the same', async () => {
    const made = await put({ programs: [program, { name: 'mailer', type: 'worker', command: ['node', 'm.mjs'], env: { A: '1' } }] }).expect(
      201,
    );
    expect(made.body).toEqual({
      namespace: 'default',
      name: 'shop',
      version: '1.0.0',
      description: null,
      labels: {},
      programs: [
        { name: 'cart', type: 'service', instances: 1, env: {}, concurrent: false },
        { name: 'mailer', type: 'worker', command: ['node', 'm.mjs'], instances: 1, env: { A: '1' }, concurrent: false },
      ],
      bundle: null,
      createdAt: expect.any(String),
    });
    const shown = await api.http.get(path('shop')).expect(200);
    expect(shown.body).toEqual(made.body);
    expect(shown.headers.etag).toBe(made.headers.etag);
  });

  it('§3 immutable: the same content again is 200, also when written otherwise', async () => {
    const made = await put({ labels: { a: '1', b: '2' }, programs: [{ ...program, env: { A: '1', B: '2' } }] }).expect(201);
    const sameInOtherWords = {
      programs: [{ env: { B: '2', A: '1' }, type: 'service', name: 'cart', instances: 1, concurrent: false }],
      labels: { b: '2', a: '1' },
      description: null,
    };
    const again = await put(sameInOtherWords).expect(200);
    expect(again.body).toEqual(made.body);
    expect(again.headers.etag).toBe(made.headers.etag);
  });

  const others: Record<string, object> = {
    'another description': { description: 'x', programs: [program] },
    'another label': { labels: { a: '1' }, programs: [program] },
    'another program': { programs: [{ ...program, name: 'pay' }] },
    'one program more': { programs: [program, { name: 'pay', type: 'service' }] },
    'other instances': { programs: [{ ...program, instances: 2 }] },
    'another command': { programs: [{ ...program, command: ['x'] }] },
    'another variable': { programs: [{ ...program, env: { A: '' } }] },
  };
  for (const [label, body] of Object.entries(others)) {
    it(`§3 immutable: ${label} is 409 artifact_exists and changes nothing`, async () => {
      const made = await put({ programs: [program] }).expect(201);
      const answer = await put(body).expect(409);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.body).toMatchObject({ status: 409, code: 'artifact_exists', title: 'Conflict', type: expect.any(String) });
      expect((await api.http.get(path('shop')).expect(200)).body).toEqual(made.body);
    });
  }

  it('§3 immutable: of twenty PUTs of the same at once one makes it and all succeed', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => put({ programs: [program] })));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array.from({ length: 19 }, () => 200), 201]);
  });

  it('§3 immutable: of twenty PUTs of different content at once one wins, the others get 409', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => put({ description: `${i}`, programs: [program] })));
    const made = answers.filter(({ status }) => status === 201);
    expect(made).toHaveLength(1);
    expect(answers.filter(({ status, body }) => status === 409 && body.code === 'artifact_exists')).toHaveLength(19);
    expect((await api.http.get(path('shop'))).body).toEqual(made[0]!.body);
  });

  const malformed: Record<string, [body: object, path: string]> = {
    'no programs': [{}, 'programs'],
    'an empty list of programs': [{ programs: [] }, 'programs'],
    'an unknown field': [{ programs: [program], version: '1' }, 'version'],
    'an unknown field of a program': [{ programs: [{ ...program, port: 80 }] }, 'programs.0.port'],
    'an unknown type': [{ programs: [{ name: 'cart', type: 'lambda' }] }, 'programs.0.type'],
    'a bad name': [{ programs: [{ name: '../cart', type: 'service' }] }, 'programs.0.name'],
    'the same program twice': [{ programs: [program, program] }, 'programs'],
    '101 programs': [{ programs: Array.from({ length: 101 }, (_, i) => ({ name: `p${i}`, type: 'flow' })) }, 'programs'],
    'a command as text': [{ programs: [{ ...program, command: 'node x' }] }, 'programs.0.command'],
    'an empty command': [{ programs: [{ ...program, command: [] }] }, 'programs.0.command'],
    'instances as text': [{ programs: [{ ...program, instances: '2' }] }, 'programs.0.instances'],
    'no instances': [{ programs: [{ ...program, instances: 0 }] }, 'programs.0.instances'],
    'a variable that is ours': [{ programs: [{ ...program, env: { FABRIC_APP: 'x' } }] }, 'programs.0.env'],
    'a relative health path': [{ programs: [{ ...program, healthPath: 'healthz' }] }, 'programs.0.healthPath'],
    'a program that is a list': [{ programs: [[]] }, 'programs'],
    'a program that is null': [{ programs: [null] }, 'programs'],
  };
  for (const [label, [body, where]] of Object.entries(malformed)) {
    it(`§3 malformed: ${label} is 400 with the path ${where}`, async () => {
      const answer = await put(body).expect(400);
      expect(answer.body.code).toBe('validation_failed');
      expect(answer.body.errors.map((error: { path: string }) => error.path).join()).toContain(where);
      await api.http.get(path('shop')).expect(404);
    });
  }

  for (const version of ['1', '1.0', 'v1.0.0', '=1.0.0', '01.0.0', 'latest', '1.0.0%20', '1.0.0-', `1.0.0-${'a'.repeat(200)}`]) {
    it(`§3 malformed: version ${version.slice(0, 20)} is 400 invalid_version`, async () => {
      expect((await put({ programs: [program] }, 'shop', version).expect(400)).body.code).toBe('invalid_version');
    });
  }
  it('takes pre-releases and build metadata', async () => {
    await put({ programs: [program] }, 'shop', '1.0.0-rc.1%2Bbuild.5').expect(201);
    const { body } = await api.http.get(path('shop', '1.0.0-rc.1+build.5')).expect(200);
    expect(body.version).toBe('1.0.0-rc.1+build.5');
  });

  it('404: in a namespace that does not exist nothing is made', async () => {
    const { body } = await api.http
      .put('/v1/namespaces/none/artifacts/shop/versions/1.0.0')
      .send({ programs: [program] })
      .expect(404);
    expect(body.code).toBe('namespace_not_found');
    expect((await api.http.get('/v1/namespaces/none/artifacts').expect(404)).body.code).toBe('namespace_not_found');
    expect((await api.http.get(path('none')).expect(404)).body.code).toBe('artifact_not_found');
  });

  it('is not deleted with its namespace: 409 namespace_in_use', async () => {
    await api.http.put('/v1/namespaces/full').expect(201);
    await api.http
      .put('/v1/namespaces/full/artifacts/shop/versions/1.0.0')
      .send({ programs: [program] })
      .expect(201);
    expect((await api.http.delete('/v1/namespaces/full').expect(409)).body.code).toBe('namespace_in_use');
    await api.http.delete('/v1/namespaces/full/artifacts/shop/versions/1.0.0').expect(204);
    await api.http.delete('/v1/namespaces/full').expect(204);
  });
});

describe('DELETE of an artifact version', () => {
  it('§3 409 artifact_in_use when an app version uses it, until that is deleted', async () => {
    await put({ programs: [program] }).expect(201);
    await use().expect(201);
    expect((await api.http.delete(path('shop')).expect(409)).body.code).toBe('artifact_in_use');
    await api.http.get(path('shop')).expect(200);
    await api.http.delete(`${NS}/apps/user/versions/${(await api.http.get(`${NS}/apps/user/versions`)).body.items[0].version}`).expect(204);
    await api.http.delete(path('shop')).expect(204);
    expect((await api.http.delete(path('shop')).expect(404)).body.code).toBe('artifact_not_found');
  });

  it('makes room for other content', async () => {
    await put({ programs: [program] }).expect(201);
    await api.http.delete(path('shop')).expect(204);
    await put({ description: 'other', programs: [program] }).expect(201);
  });

  it('§3 at once with app versions made from it: either it is gone (422) or in use (409), never anything else', async () => {
    for (let round = 0; round < 10; round++) {
      await put({ programs: [program] }, 'shop', `1.0.${round}`).expect(201);
      const [deleted, ...made] = await Promise.all([
        api.http.delete(path('shop', `1.0.${round}`)),
        ...Array.from({ length: 3 }, () => use('shop', `1.0.${round}`)),
      ]);
      const codes = made.map(({ status, body }) => (status === 201 ? 'made' : `${status} ${body.code}`));
      if (deleted.status === 204) expect(new Set(codes)).toEqual(new Set(['422 unknown_artifact']));
      else {
        expect([deleted.status, deleted.body.code]).toEqual([409, 'artifact_in_use']);
        expect(codes).toEqual(['made', 'made', 'made']);
      }
    }
  });
});

describe('lists', () => {
  const walk = async (list: string, limit: number) => {
    const seen: string[] = [];
    for (let query = `?limit=${limit}`; ; ) {
      const { body } = await api.http.get(`${list}${query}`).expect(200);
      expect(body.items.length).toBeLessThanOrEqual(limit);
      seen.push(...body.items.map(({ name, version }: { name: string; version?: string }) => version ?? name));
      if (body.nextCursor === null) return seen;
      query = `?limit=${limit}&cursor=${body.nextCursor}`;
    }
  };

  it('of artifacts have each once, with the number of its versions', async () => {
    for (const name of ['b', 'a', 'c']) await put({ programs: [program] }, name).expect(201);
    await put({ programs: [program] }, 'b', '2.0.0').expect(201);
    const { body } = await api.http.get(`${NS}/artifacts`).expect(200);
    expect(body).toEqual({
      items: [
        { name: 'a', versions: 1 },
        { name: 'b', versions: 2 },
        { name: 'c', versions: 1 },
      ],
      nextCursor: null,
    });
    for (const limit of [1, 2, 3]) expect(await walk(`${NS}/artifacts`, limit)).toEqual(['a', 'b', 'c']);
  });

  it('§3 pages hold still while versions are made and deleted', async () => {
    for (const minor of [1, 3, 5, 7]) await put({ programs: [program] }, 'shop', `1.${minor}.0`).expect(201);
    const list = `${NS}/artifacts/shop/versions`;
    const first = (await api.http.get(`${list}?limit=2`).expect(200)).body;
    expect(first.items.map(({ version }: { version: string }) => version)).toEqual(['1.1.0', '1.3.0']);
    await put({ programs: [program] }, 'shop', '1.0.0').expect(201);
    await put({ programs: [program] }, 'shop', '1.4.0').expect(201);
    await api.http.delete(path('shop', '1.3.0')).expect(204);
    await api.http.delete(path('shop', '1.5.0')).expect(204);
    const second = (await api.http.get(`${list}?limit=2&cursor=${first.nextCursor}`).expect(200)).body;
    expect(second.items.map(({ version }: { version: string }) => version)).toEqual(['1.4.0', '1.7.0']);
    expect(second.nextCursor).toBeNull();
  });

  it('invariant 9: a page of large ones ends early, and none is left out', async () => {
    // About 900 kB each: ten of them are more than a page has.
    const env = Object.fromEntries(Array.from({ length: 28 }, (_, i) => [`V${i}`, 'x'.repeat(32_000)]));
    for (let i = 0; i < 12; i++) await put({ programs: [{ ...program, env }] }, 'large', `1.0.${10 + i}`).expect(201);
    const { body, text } = await api.http.get(`${NS}/artifacts/large/versions?limit=500`).expect(200);
    expect(body.items).toHaveLength(9);
    expect(text.length).toBeLessThan(8_500_000);
    expect(body.nextCursor).not.toBeNull();
    expect(await walk(`${NS}/artifacts/large/versions`, 500)).toEqual(Array.from({ length: 12 }, (_, i) => `1.0.${10 + i}`));
  });

  it('an artifact without versions is 404', async () => {
    expect((await api.http.get(`${NS}/artifacts/none/versions`).expect(404)).body.code).toBe('artifact_not_found');
  });
});
