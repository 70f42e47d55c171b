import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { dump } from '../testing/test-apps.js';

const SECRET = 'correct horse battery staple';
let api: TestApi;
let made = 0;
let path: string;
beforeAll(async () => {
  api = await createTestApi();
});
afterAll(() => api.close());
beforeEach(() => {
  made += 1;
  path = `/v1/namespaces/shop-${made}`;
});

describe('what a namespace is for', () => {
  it('has an environment, variables and a size; a PUT replaces all of it', async () => {
    const variables = { LOG_LEVEL: 'info', _x: '', DATABASE_PASSWORD: { secret: true, value: SECRET } };
    const put = await api.http
      .put(path)
      .send({ environment: 'production', variables, resources: { defaultInstances: 3 } })
      .expect(201);
    expect(put.body).toMatchObject({
      environment: 'production',
      variables: { LOG_LEVEL: 'info', _x: '', DATABASE_PASSWORD: { secret: true } },
      resources: { defaultInstances: 3 },
    });
    const { body } = await api.http.put(path).send({}).expect(200);
    expect(body).toMatchObject({ environment: null, variables: {}, resources: { defaultInstances: null } });
  });

  it.each([
    ['an unknown environment', { environment: 'staging' }],
    ['no instances', { resources: { defaultInstances: 0 } }],
    ['too many instances', { resources: { defaultInstances: 101 } }],
    ['an unknown resource', { resources: { cpu: 1 } }],
    ['variables that are a list', { variables: [] }],
    ['a name with a digit first', { variables: { '1A': 'x' } }],
    ['a name with a dash', { variables: { 'A-B': 'x' } }],
    ['an empty name', { variables: { '': 'x' } }],
    ['a name of 257 letters', { variables: { ['A'.repeat(257)]: 'x' } }],
    ['PORT', { variables: { PORT: '1' } }],
    ['FABRIC_*', { variables: { FABRIC_CONFIG: 'x' } }],
    ['a number', { variables: { A: 1 } }],
    ['a null', { variables: { A: null } }],
    ['no value', { variables: { A: {} } }],
    ['no value and no secret', { variables: { A: { secret: false } } }],
    ['a secret that is no truth', { variables: { A: { secret: 'yes', value: 'hunter2-and-more' } } }],
    ['a value that is no text', { variables: { A: { secret: true, value: 7 } } }],
    ['an unknown field', { variables: { A: { secret: true, value: 'hunter2-and-more', why: '' } } }],
    ['a value that is too long', { variables: { A: 'hunter2'.padEnd(32_769, 'x') } }],
    ['too many variables', { variables: Object.fromEntries(Array.from({ length: 257 }, (_, index) => [`A${index}`, ''])) }],
    ['too much of them', { variables: Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`A${index}`, 'x'.repeat(32_000)])) }],
  ])('refuses %s with 400, and says no value', async (_, body) => {
    const answer = await api.http.put(path).send(body).expect(400);
    expect(answer.body).toMatchObject({
      code: 'validation_failed',
      errors: [{ path: expect.stringMatching(/^(environment|resources|variables)/) }],
    });
    expect(answer.text).not.toContain('hunter2');
    await api.http.get(path).expect(404);
  });
});

describe('a secret', () => {
  const secret = { secret: true, value: SECRET };

  it('is in no answer and no audit entry', async () => {
    const texts = [
      await api.http
        .put(path)
        .send({ variables: { A: secret } })
        .expect(201),
      await api.http.get(path).expect(200),
      await api.http.get('/v1/namespaces?limit=500').expect(200),
      await api.http
        .put(path)
        .send({ description: 'x', variables: { A: secret } })
        .expect(200),
      await api.http
        .put(path)
        .set('If-Match', '"0"')
        .send({ variables: { A: secret } })
        .expect(412),
      await api.http
        .put(path)
        .send({ variables: { A: { secret: true, value: `${SECRET}!` } } })
        .expect(200),
      await api.http.get(`${path}/audit`).expect(200),
    ].map(({ text }) => text);
    expect(texts.join('\n')).not.toContain('horse');
    expect(texts.at(-1)).toContain('"changedVariables":["A"]');
    expect(JSON.stringify((await dump(api.databaseUrl)).audit_entries)).not.toContain('horse');
  });

  it('keeps its value when what was read is put back, and the revision with it', async () => {
    const put = await api.http
      .put(path)
      .send({ variables: { A: secret, B: 'b' } })
      .expect(201);
    const { variables } = (await api.http.get(path).expect(200)).body;
    const again = await api.http.put(path).send({ variables }).expect(200);
    expect(again.headers.etag).toBe(put.headers.etag);
    const { namespaces } = await dump(api.databaseUrl);
    expect(JSON.stringify(namespaces)).toContain(SECRET);
  });

  it('needs a value the first time, also where the variable was none before: 422 unknown_secret', async () => {
    expect(
      (
        await api.http
          .put(path)
          .send({ variables: { A: { secret: true } } })
          .expect(422)
      ).body.code,
    ).toBe('unknown_secret');
    await api.http
      .put(path)
      .send({ variables: { A: 'plain' } })
      .expect(201);
    const { body } = await api.http
      .put(path)
      .send({ variables: { A: { secret: true } } })
      .expect(422);
    expect(body).toMatchObject({ code: 'unknown_secret', detail: expect.stringContaining('A') });
  });
});

describe('the audit of a namespace', () => {
  it('says who has made, changed and deleted it, newest first and in pages; it outlives the namespace', async () => {
    await api.http.put(path).send({ environment: 'test' }).expect(201);
    await api.http.put(path).send({ environment: 'test' }).expect(200);
    await api.http
      .put(path)
      .send({ environment: 'beta', variables: { B: 'b', A: 'a' } })
      .expect(200);
    await api.http.delete(path).expect(204);
    const first = (await api.http.get(`${path}/audit?limit=2`).expect(200)).body;
    expect(first.items).toEqual([
      { id: expect.any(Number), at: expect.any(String), by: 'admin', action: 'namespace_deleted', subject: `shop-${made}`, detail: {} },
      expect.objectContaining({
        action: 'namespace_changed',
        detail: { environment: 'beta', defaultInstances: null, changedVariables: ['A', 'B'] },
      }),
    ]);
    const second = (await api.http.get(`${path}/audit?limit=2&cursor=${first.nextCursor}`).expect(200)).body;
    expect(second).toMatchObject({ items: [{ action: 'namespace_made' }], nextCursor: null });
    await api.http.get('/v1/namespaces/never/audit').expect(404);
    await api.anonymous.get(`${path}/audit`).expect(401);
  });
});
