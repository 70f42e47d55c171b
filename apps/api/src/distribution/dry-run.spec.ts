import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { dump, TestApps } from '../testing/test-apps.js';

describe('CONTRACT §3: ?dryRun=true on every distribution and stop call: the full answer, nothing changed', () => {
  let api: TestApi;
  let app: string;

  beforeAll(async () => {
    api = await createTestApi();
    const apps = await TestApps.of(api);
    app = await apps.appWith('1/cart', '2/cart', '1/pay', '2/pay');
    for (const weights of [
      { 1: 80, 2: 20 },
      { 1: 60, 2: 40 },
    ])
      await api.http.put(`${app}/distribution`).send({ weights }).expect(200);
    await api.http
      .put(`${app}/services/pay/distribution`)
      .send({ weights: { 2: 100 } })
      .expect(200);
    await api.http
      .put(`${app}/services/pay/distribution`)
      .send({ weights: { 1: 50, 2: 50 } })
      .expect(200);
  }, 60_000);
  afterAll(() => api.close());

  const calls: [string, 'put' | 'post' | 'delete', string, object, object][] = [
    ['PUT', 'put', '/distribution', { weights: { 1: 1, 2: 99 } }, { weights: { 1: 1, 2: 99 }, effective: { cart: { 1: 1, 2: 99 } } }],
    ['DELETE', 'delete', '/distribution', {}, { weights: {}, fallback: 'random' }],
    ['rollback', 'post', '/distribution/rollback', {}, { weights: { 1: 80, 2: 20 }, source: 'rollback' }],
    ['rollback to', 'post', '/distribution/rollback', { toRevision: 1 }, { weights: { 1: 100, 2: 0 } }],
    ['zero', 'post', '/distribution/zero', { version: 2 }, { weights: { 1: 100, 2: 0 }, source: 'zero' }],
    [
      'PUT of a service',
      'put',
      '/services/cart/distribution',
      { weights: { 2: 100 } },
      { scope: 'service', effective: { cart: { 2: 100 } } },
    ],
    ['DELETE of a service', 'delete', '/services/pay/distribution', {}, { weights: {}, effective: { pay: { 1: 60, 2: 40 } } }],
    ['rollback of a service', 'post', '/services/pay/distribution/rollback', {}, { weights: { 1: 0, 2: 100 } }],
    ['zero of a service', 'post', '/services/cart/distribution/zero', { version: 1 }, { weights: { 1: 0, 2: 100 } }],
    ['stop', 'post', '/versions/1/services/pay/stop', {}, { status: 'STOPPING', distributions: [{ service: 'pay', weights: { 2: 100 } }] }],
    ['stop with reallocate', 'post', '/versions/1/services/pay/stop', { reallocate: { 2: 100 } }, { status: 'STOPPING' }],
    ['stop of a version', 'post', '/versions/1/stop', {}, { items: [{ status: 'STOPPING' }, { status: 'STOPPING' }] }],
  ];
  it.each(calls)('%s', async (_label, method, path, body, expected) => {
    const before = await dump(api.databaseUrl);
    const answer = await api.http[method](`${app}${path}?dryRun=true`).set('Prefer', 'wait=5').send(body);
    expect([answer.status, answer.body]).toMatchObject([path.endsWith('stop') ? 202 : 200, expected]);
    expect(await dump(api.databaseUrl)).toEqual(before);
  });

  it('what is refused in earnest is refused in a dry run, and changes nothing either', async () => {
    const before = await dump(api.databaseUrl);
    const refusals: [string, object, number][] = [
      ['/distribution/zero?dryRun=true', { version: 9 }, 422],
      ['/distribution/rollback?dryRun=true', { toRevision: 99 }, 422],
      ['/versions/1/services/pay/stop?dryRun=true', { reallocate: { 99: 100 } }, 422],
      ['/versions/1/services/pay/stop?dryRun=true', { drainSeconds: -1 }, 400],
      ['/versions/3/services/pay/stop?dryRun=true', {}, 409],
      ['/versions/1/services/pay/stop?dryRun=1', {}, 400],
    ];
    for (const [path, body, status] of refusals)
      expect([path, (await api.http.post(app + path).send(body)).status]).toEqual([path, status]);
    expect(await dump(api.databaseUrl)).toEqual(before);
  });
});
