import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { dump, instancePath, TestApps, URL_OF_NOBODY } from '../testing/test-apps.js';

describe('CONTRACT §3: every PUT, POST and DELETE on what can change honours If-Match', () => {
  let api: TestApi;
  let apps: TestApps;
  let app: string;

  beforeAll(async () => {
    api = await createTestApi();
    apps = await TestApps.of(api);
    app = await apps.appWith('1/cart', '2/cart');
    await api.http
      .put(`${app}/distribution`)
      .send({ weights: { 1: 50, 2: 50 } })
      .expect(200);
    await api.http.put(`${app}/aliases/stable`).send({ version: 1 }).expect(201);
  }, 60_000);
  afterAll(() => api.close());

  const stale: [string, 'put' | 'post' | 'delete', string, object][] = [
    ['PUT of the app', 'put', '', {}],
    ['DELETE of the app', 'delete', '', {}],
    ['POST of a version', 'post', '/versions', { artifact: { name: 'shop', version: '1.0.0' } }],
    ['DELETE of a version', 'delete', '/versions/3', {}],
    ['PUT of an alias', 'put', '/aliases/stable', { version: 2 }],
    ['DELETE of an alias', 'delete', '/aliases/stable', {}],
    ['start', 'post', '/versions/3/services/cart/start', {}],
    ['start of a version', 'post', '/versions/3/start', {}],
    ['stop', 'post', '/versions/1/services/cart/stop', {}],
    ['dry stop', 'post', '/versions/1/services/cart/stop?dryRun=true', {}],
    ['stop of a version', 'post', '/versions/1/stop', {}],
    ['instances', 'put', '/versions/1/services/cart/instances', { count: 2 }],
    ['a heartbeat', 'put', '/versions/1/services/cart/instances/a', { url: URL_OF_NOBODY }],
    ['an instance elsewhere now', 'put', '/versions/1/services/cart/instances/a', { url: 'http://127.0.0.1:10' }],
    ['a new instance', 'put', '/versions/1/services/cart/instances/b', { url: URL_OF_NOBODY }],
    ['DELETE of an instance', 'delete', '/versions/1/services/cart/instances/a', {}],
    ['PUT of the distribution', 'put', '/distribution', { weights: { 1: 100 } }],
    ['DELETE of the distribution', 'delete', '/distribution', {}],
    ['rollback', 'post', '/distribution/rollback', {}],
    ['zero', 'post', '/distribution/zero', { version: 1 }],
    ['PUT of a service’s distribution', 'put', '/services/cart/distribution', { weights: { 1: 100 } }],
  ];
  it.each(stale)('%s with a stale tag: 412 precondition_failed, nothing changed', async (_label, method, path, body) => {
    const before = await dump(api.databaseUrl);
    const answer = await api.http[method](app + path)
      .set('If-Match', '"stale"')
      .send(body);
    expect(answer.body).toMatchObject({ status: 412, code: 'precondition_failed' });
    expect(await dump(api.databaseUrl)).toEqual(before);
  });

  it('a stop with the tag of the run is done; that tag is stale then', async () => {
    const app = await apps.appWith('1/cart');
    const runs = `${app}/versions/1/services/cart/runs`;
    const { body } = await api.http.get(`${runs}?limit=1`).expect(200);
    const { etag } = (await api.http.get(`${runs}/${body.items[0].runId}`).expect(200)).headers;
    const stop = () =>
      api.http
        .post(`${app}/versions/1/services/cart/stop`)
        .set('If-Match', etag as string)
        .send({});
    await stop().expect(202);
    await stop().expect(412);
  });

  it('an instance has a strong ETag, which each heartbeat changes', async () => {
    const app = await apps.appWith('1/cart');
    const path = instancePath(app, '1/cart');
    const beat = (headers: Record<string, string>) => api.http.put(path).set(headers).send({ url: URL_OF_NOBODY, ttlSeconds: 300 });
    const { etag } = (await beat({}).expect(200)).headers;
    expect(etag).toMatch(/^"[^"]+"$/);
    const answers = await Promise.all([beat({ 'If-Match': etag! }), beat({ 'If-Match': etag! }), beat({ 'If-Match': etag! })]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
    await beat({ 'If-None-Match': '*' }).expect(412);
    await api.http
      .delete(path)
      .set('If-Match', answers.find(({ status }) => status === 200)!.headers.etag as string)
      .expect(204);
    await beat({ 'If-Match': '*' }).expect(412);
    await beat({ 'If-None-Match': '*' }).expect(201);
  });
});
