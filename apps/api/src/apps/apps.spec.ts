import { Client } from 'pg';
import { createTestApi, type TestApi } from '../testing/create-test-api.js';

const NS = '/v1/namespaces/default';

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
beforeEach(() => database.query('DELETE FROM app_aliases; DELETE FROM app_versions; DELETE FROM apps'));

const path = (app: string) => `${NS}/apps/${app}`;
const revision = async () => Number((await database.query('SELECT revision FROM route_head')).rows[0].revision);

describe('PUT, GET and DELETE of an app', () => {
  it('makes it with 201, replaces the whole with 200, shows it, deletes it', async () => {
    const made = await api.http
      .put(path('shop'))
      .send({ description: 'one', routing: { fallback: 'newest', onUnavailable: 'fail', affinity: { by: 'cookie', name: 'session' } } })
      .expect(201);
    expect(made.body).toEqual({
      namespace: 'default',
      name: 'shop',
      description: 'one',
      routing: { fallback: 'newest', onUnavailable: 'fail', affinity: { by: 'cookie', name: 'session' } },
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    const replaced = await api.http.put(path('shop')).send({ description: null, routing: null }).expect(200);
    expect(replaced.body).toMatchObject({ description: null, routing: { fallback: 'random', onUnavailable: 'redistribute' } });
    expect(replaced.body.routing.affinity).toBeUndefined();
    expect(replaced.body.createdAt).toBe(made.body.createdAt);
    const shown = await api.http.get(path('shop')).expect(200);
    expect([shown.body, shown.headers.etag]).toEqual([replaced.body, replaced.headers.etag]);
    await api.http.delete(path('shop')).expect(204);
    expect((await api.http.get(path('shop')).expect(404)).body.code).toBe('app_not_found');
    expect((await api.http.delete(path('shop')).expect(404)).body.code).toBe('app_not_found');
  });

  const malformed: Record<string, [body: object, path: string]> = {
    'an unknown field': [{ weights: {} }, 'weights'],
    'an unknown field of routing': [{ routing: { strategy: 'x' } }, 'routing.strategy'],
    'an unknown fallback': [{ routing: { fallback: 'first' } }, 'routing.fallback'],
    'an unknown onUnavailable': [{ routing: { onUnavailable: 1 } }, 'routing.onUnavailable'],
    'routing as a list': [{ routing: [] }, 'routing'],
    'an affinity without a name': [{ routing: { affinity: { by: 'header' } } }, 'routing.affinity.name'],
    'an affinity by something else': [{ routing: { affinity: { by: 'moon' } } }, 'routing.affinity.by'],
    'a header name with a line break': [{ routing: { affinity: { by: 'header', name: 'a\r\nb' } } }, 'routing.affinity.name'],
    'a description of 1001 characters': [{ description: 'x'.repeat(1001) }, 'description'],
    'a description that is a number': [{ description: 1 }, 'description'],
  };
  for (const [label, [body, where]] of Object.entries(malformed)) {
    it(`§3 malformed: ${label} is 400 with the path ${where}; nothing is made`, async () => {
      const before = await revision();
      const answer = await api.http.put(path('shop')).send(body).expect(400);
      expect(answer.body.code).toBe('validation_failed');
      expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(where);
      await api.http.get(path('shop')).expect(404);
      expect(await revision()).toBe(before);
    });
  }

  it('404: not in a namespace that does not exist', async () => {
    expect((await api.http.put('/v1/namespaces/none/apps/shop').send({}).expect(404)).body.code).toBe('namespace_not_found');
    expect((await api.http.get('/v1/namespaces/none/apps/shop').expect(404)).body.code).toBe('namespace_not_found');
    expect((await api.http.get('/v1/namespaces/none/apps').expect(404)).body.code).toBe('namespace_not_found');
  });

  it('409 app_in_use while it has versions', async () => {
    const { body } = await api.http
      .post(`${path('shop')}/versions`)
      .send({ artifact: { name: 'shop', version: '1.0.0' } })
      .expect(201);
    expect((await api.http.delete(path('shop')).expect(409)).body.code).toBe('app_in_use');
    await api.http.delete(`${path('shop')}/versions/${body.version}`).expect(204);
    await api.http.delete(path('shop')).expect(204);
  });

  it('of twenty that make it at once one makes it, all succeed', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.http.put(path('at-once')).send({})));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array.from({ length: 19 }, () => 200), 201]);
  });

  it('invariant 5: each change has its route revision, a refused one has none', async () => {
    const before = await revision();
    await api.http.put(path('shop')).send({}).expect(201);
    await api.http.put(path('shop')).set('If-Match', '"stale"').send({}).expect(412);
    await api.http.delete(path('none')).expect(404);
    await api.http.delete(path('shop')).expect(204);
    expect(await revision()).toBe(before + 2);
  });
});

describe('the list of apps', () => {
  const page = async (query: string) => {
    const { body } = await api.http.get(`${NS}/apps?${query}`).expect(200);
    return { names: body.items.map(({ name }: { name: string }) => name), next: body.nextCursor as string | null };
  };

  it('§3 pages hold still while apps are made and deleted', async () => {
    for (const name of ['b', 'd', 'f', 'h']) await api.http.put(path(name)).send({}).expect(201);
    const first = await page('limit=2');
    expect(first.names).toEqual(['b', 'd']);
    for (const name of ['a', 'e']) await api.http.put(path(name)).send({}).expect(201);
    for (const name of ['d', 'f']) await api.http.delete(path(name)).expect(204);
    const second = await page(`limit=1&cursor=${first.next}`);
    expect(second.names).toEqual(['e']);
    expect(await page(`limit=5&cursor=${second.next}`)).toEqual({ names: ['h'], next: null });
  });

  it('is of its namespace only', async () => {
    await api.http.put('/v1/namespaces/second').expect(201);
    await api.http.put('/v1/namespaces/second/apps/there').send({}).expect(201);
    await api.http.put(path('here')).send({}).expect(201);
    expect(await page('')).toEqual({ names: ['here'], next: null });
  });
});
