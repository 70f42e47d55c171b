import { Client } from 'pg';
import { createTestApi, type TestApi } from '../testing/create-test-api.js';

const NS = '/v1/namespaces/default';
const APP = `${NS}/apps/shop`;
const ARTIFACT = { name: 'shop', version: '1.0.0' };

let api: TestApi;
let database: Client;
beforeAll(async () => {
  api = await createTestApi();
  database = new Client({ connectionString: api.databaseUrl });
  await database.connect();
  await api.http
    .put(`${NS}/artifacts/shop/versions/1.0.0`)
    .send({ programs: [{ name: 'cart', type: 'service' }] })
    .expect(201);
});
afterAll(async () => {
  await database.end();
  await api.close();
});
beforeEach(() =>
  database.query(
    'DELETE FROM app_aliases; DELETE FROM app_versions; DELETE FROM apps; DELETE FROM app_version_counters; DELETE FROM idempotency_keys',
  ),
);

const post = (body: object = {}, app = APP) => api.http.post(`${app}/versions`).send({ artifact: ARTIFACT, ...body });
const numbers = (items: { version: number }[]) => items.map(({ version }) => version);
const list = async (query = '') => {
  const { body } = await api.http.get(`${APP}/versions?${query}`).expect(200);
  return { versions: numbers(body.items), next: body.nextCursor as string | null };
};

describe('POST versions', () => {
  it('§3 makes the app if it is new, with the defaults; 201 with Location', async () => {
    const made = await post({ config: { currency: 'EUR', nested: { list: [1, null] } }, labels: { ticket: 'SHOP-17' } }).expect(201);
    expect(made.body).toEqual({
      namespace: 'default',
      app: 'shop',
      version: 1,
      artifact: ARTIFACT,
      config: { currency: 'EUR', nested: { list: [1, null] } },
      labels: { ticket: 'SHOP-17' },
      aliases: [],
      createdAt: expect.any(String),
      createdBy: 'admin',
      promotedFrom: null,
      rejection: null,
    });
    expect(made.headers.location).toBe(`${APP}/versions/1`);
    const shown = await api.http.get(made.headers.location!).expect(200);
    expect([shown.body, shown.headers.etag]).toEqual([made.body, made.headers.etag]);
    expect((await api.http.get(APP).expect(200)).body.routing).toEqual({ fallback: 'random', onUnavailable: 'redistribute' });
  });

  it('leaves the settings of an app that is there', async () => {
    await api.http
      .put(APP)
      .send({ routing: { fallback: 'oldest' } })
      .expect(201);
    await post().expect(201);
    expect((await api.http.get(APP).expect(200)).body.routing.fallback).toBe('oldest');
  });

  it('null is as absent: no config is {}', async () => {
    const { body } = await post({ config: null, labels: null }).expect(201);
    expect(body).toMatchObject({ config: {}, labels: {} });
    expect((await api.http.get(`${APP}/versions/1`)).body).toMatchObject({ config: {}, labels: {} });
  });

  it('§3 422 unknown_artifact for one that does not exist; no app is made and no number taken', async () => {
    for (const artifact of [
      { name: 'none', version: '1.0.0' },
      { name: 'shop', version: '9.9.9' },
      { name: 'shop', version: 'x' },
    ]) {
      const answer = await post({ artifact }).expect(422);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.body).toMatchObject({ status: 422, code: 'unknown_artifact' });
    }
    await api.http.get(APP).expect(404);
    expect((await post().expect(201)).body.version).toBe(1);
  });

  it('404 in a namespace that does not exist', async () => {
    expect((await post({}, '/v1/namespaces/none/apps/shop').expect(404)).body.code).toBe('namespace_not_found');
  });

  const malformed: Record<string, [body: object, path: string]> = {
    'no artifact': [{ artifact: undefined }, 'artifact'],
    'an artifact that is a list': [{ artifact: [ARTIFACT] }, 'artifact'],
    'an artifact without a version': [{ artifact: { name: 'shop' } }, 'artifact.version'],
    'a bad artifact name': [{ artifact: { name: '../shop', version: '1.0.0' } }, 'artifact.name'],
    'an unknown field': [{ version: 7 }, 'version'],
    'an unknown field of the artifact': [{ artifact: { ...ARTIFACT, digest: 'x' } }, 'artifact.digest'],
    'a config that is a list': [{ config: [] }, 'config'],
    'a config that is text': [{ config: '{}' }, 'config'],
    'a config over 64 KiB': [{ config: { a: 'x'.repeat(65_536) } }, 'config'],
    'a label that is a number': [{ labels: { a: 1 } }, 'labels'],
  };
  for (const [label, [body, where]] of Object.entries(malformed)) {
    it(`§3 malformed: ${label} is 400 with the path ${where}`, async () => {
      const answer = await post(body).expect(400);
      expect(answer.body.code).toBe('validation_failed');
      expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(where);
      await api.http.get(APP).expect(404);
    });
  }
});

describe('§3 a version number is a positive integer, never reused', () => {
  it('after versions were deleted, the last one too', async () => {
    for (const version of [1, 2, 3]) expect((await post().expect(201)).body.version).toBe(version);
    for (const version of [3, 2]) await api.http.delete(`${APP}/versions/${version}`).expect(204);
    expect((await post().expect(201)).body.version).toBe(4);
    expect((await list()).versions).toEqual([4, 1]);
  });

  it('after the app was deleted and made again', async () => {
    await post().expect(201);
    await api.http.delete(`${APP}/versions/1`).expect(204);
    await api.http.delete(APP).expect(204);
    expect((await post().expect(201)).body.version).toBe(2);
  });

  it('under twenty POSTs at once, of a new app', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => post()));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 201));
    const made = numbers(answers.map(({ body }) => body)).sort((a, b) => a - b);
    expect(made).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  it('under twenty POSTs and the deletion of what they make at once', async () => {
    const made = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const { body } = await post().expect(201);
        await api.http.delete(`${APP}/versions/${body.version}`).expect(204);
        return body.version as number;
      }),
    );
    expect(new Set(made).size).toBe(20);
    expect((await post().expect(201)).body.version).toBe(21);
  });
});

it('invariant 9: an app has at most 20,000 versions: 409 too_many_versions, and no number is taken', async () => {
  await post().expect(201);
  await database.query(
    `INSERT INTO app_versions (namespace, app, version, artifact_name, artifact_version, created_by)
     SELECT 'default', 'shop', n, 'shop', '1.0.0', 'admin' FROM generate_series(2, 20000) AS n`,
  );
  await database.query('UPDATE app_version_counters SET last_version = 20000');
  expect((await post().expect(409)).body.code).toBe('too_many_versions');
  await api.http.delete(`${APP}/versions/5`).expect(204);
  expect((await post().expect(201)).body.version).toBe(20_001);
  await post().expect(409);
});

describe('§3 Idempotency-Key on POST versions', () => {
  const keyed = (key: string, body: object = {}) => post(body).set('Idempotency-Key', key);

  it('the same key and body give the first answer again, and one version', async () => {
    const first = await keyed('a').expect(201);
    const again = await keyed('a').expect(201);
    expect(again.body).toEqual(first.body);
    expect([again.headers.etag, again.headers.location]).toEqual([first.headers.etag, first.headers.location]);
    expect((await list()).versions).toEqual([1]);
  });

  it('another body with the same key is 422 and makes nothing', async () => {
    await keyed('b').expect(201);
    expect((await keyed('b', { config: { other: true } }).expect(422)).body.code).toBe('idempotency_key_reused');
    expect((await list()).versions).toEqual([1]);
  });

  it('twenty at once with the same key make one version; each gets it, or 409 while the first still runs', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => keyed('c')));
    for (const { status, body } of answers) {
      if (status === 201) expect(body.version).toBe(1);
      else expect([status, body.code]).toEqual([409, 'idempotency_in_progress']);
    }
    expect((await list()).versions).toEqual([1]);
    expect((await keyed('c').expect(201)).body.version).toBe(1);
  });

  it('a request that was refused may be repeated with its key', async () => {
    await keyed('d', { artifact: { name: 'late', version: '1.0.0' } }).expect(422);
    await api.http
      .put(`${NS}/artifacts/late/versions/1.0.0`)
      .send({ programs: [{ name: 'x', type: 'flow' }] })
      .expect(201);
    await keyed('d', { artifact: { name: 'late', version: '1.0.0' } }).expect(201);
  });
});

describe('{v} in a path', () => {
  it('§3 is a version or an alias', async () => {
    await post().expect(201);
    await post().expect(201);
    await api.http.put(`${APP}/aliases/stable`).send({ version: 1 }).expect(201);
    const { body } = await api.http.get(`${APP}/versions/stable`).expect(200);
    expect(body).toMatchObject({ version: 1, aliases: ['stable'] });
    await api.http.delete(`${APP}/aliases/stable`).expect(204);
    await api.http.put(`${APP}/aliases/next`).send({ version: 2 }).expect(201);
    expect((await api.http.get(`${APP}/versions/stable`).expect(404)).body.code).toBe('version_not_found');
  });

  for (const v of ['0', '01', '3', '2147483648', '99999999999999999999', 'latest', 'none', '1.0', '1e0']) {
    it(`${v}: 404 version_not_found`, async () => {
      await post().expect(201);
      expect((await api.http.get(`${APP}/versions/${v}`).expect(404)).body.code).toBe('version_not_found');
      expect((await api.http.delete(`${APP}/versions/${v}`).expect(404)).body.code).toBe('version_not_found');
    });
  }

  it('of an app that does not exist: 404 app_not_found', async () => {
    expect((await api.http.get(`${APP}/versions/1`).expect(404)).body.code).toBe('app_not_found');
    expect((await api.http.get(`${APP}/versions`).expect(404)).body.code).toBe('app_not_found');
  });
});

describe('the list of versions, newest first', () => {
  it('§3 pages hold still while versions are made and deleted', async () => {
    for (let i = 0; i < 6; i++) await post().expect(201);
    const first = await list('limit=2');
    expect(first.versions).toEqual([6, 5]);
    await post().expect(201);
    for (const version of [5, 4]) await api.http.delete(`${APP}/versions/${version}`).expect(204);
    const second = await list(`limit=2&cursor=${first.next}`);
    expect(second.versions).toEqual([3, 2]);
    expect(await list(`limit=2&cursor=${second.next}`)).toEqual({ versions: [1], next: null });
  });

  const key = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  for (const cursor of [
    '',
    'x',
    '%00',
    key('5'),
    key(1.5),
    key(null),
    key([1]),
    key(2_147_483_648),
    key(9_007_199_254_740_991),
    key(-2_147_483_649),
  ]) {
    it(`§3 a bad cursor, ${cursor}: 400 invalid_cursor`, async () => {
      await post().expect(201);
      const { body } = await api.http.get(`${APP}/versions?cursor=${cursor}`).expect(400);
      expect(body).toMatchObject({ code: 'invalid_cursor', errors: [{ path: 'cursor' }] });
    });
  }

  for (const limit of ['0', '501', '-1', '1.5', '']) {
    it(`§3 limit=${limit}: 400 invalid_limit`, async () => {
      await post().expect(201);
      expect((await api.http.get(`${APP}/versions?limit=${limit}`).expect(400)).body.code).toBe('invalid_limit');
    });
  }

  it('10,000 versions come in pages, each once', async () => {
    await post().expect(201);
    await database.query(
      `INSERT INTO app_versions (namespace, app, version, artifact_name, artifact_version, created_by)
       SELECT 'default', 'shop', n, 'shop', '1.0.0', 'admin' FROM generate_series(2, 10000) AS n`,
    );
    const seen: number[] = [];
    for (let cursor = ''; ; ) {
      const { versions, next } = await list(`limit=500${cursor}`);
      seen.push(...versions);
      if (next === null) break;
      cursor = `&cursor=${next}`;
    }
    expect(seen).toEqual(Array.from({ length: 10_000 }, (_, i) => 10_000 - i));
    expect((await list('limit=1')).versions).toEqual([10_000]);
  });
});
