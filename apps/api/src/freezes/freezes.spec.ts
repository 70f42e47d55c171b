import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { dump, TestApps } from '../testing/test-apps.js';

const NS = '/v1/namespaces/default';
const FREEZE = `${NS}/freezes/christmas`;
const HOUR_MS = 3_600_000;

let api: TestApi;
let apps: TestApps;
beforeAll(async () => {
  api = await createTestApi();
  apps = await TestApps.of(api);
});
afterAll(() => api.close());
afterEach(() => api.http.delete(FREEZE));

const around = (fromMs: number, toMs: number) => ({
  from: new Date(Date.now() + fromMs).toISOString(),
  to: new Date(Date.now() + toMs).toISOString(),
  reason: 'Christmas sales',
});
const freeze = () => api.http.put(FREEZE).send(around(-HOUR_MS, HOUR_MS)).expect(201);
const audit = async () => (await api.http.get(`${NS}/audit`).expect(200)).body.items;

describe('PUT, GET and DELETE of a freeze', () => {
  it('makes it with 201, replaces it with 200, lists it, deletes it, and tells the audit', async () => {
    const later = around(HOUR_MS, 2 * HOUR_MS);
    const made = await api.http.put(FREEZE).send(later).expect(201);
    expect(made.body).toEqual({
      name: 'christmas',
      ...later,
      open: false,
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
      updatedBy: 'admin',
    });
    await api.http.put(FREEZE).set('If-Match', '"0"').send(later).expect(412);
    const now = around(-HOUR_MS, HOUR_MS);
    const replaced = await api.http.put(FREEZE).set('If-Match', made.headers.etag!).send(now).expect(200);
    expect(replaced.body.open).toBe(true);
    expect((await api.http.put(FREEZE).send(now).expect(200)).headers.etag).toBe(replaced.headers.etag);
    expect((await api.http.get(FREEZE).expect(200)).headers.etag).toBe(replaced.headers.etag);
    expect((await api.http.get(`${NS}/freezes`).expect(200)).body).toEqual({ items: [replaced.body], nextCursor: null });
    await api.http.delete(FREEZE).expect(204);
    expect((await api.http.get(FREEZE).expect(404)).body.code).toBe('freeze_not_found');
    expect((await audit()).slice(0, 3)).toMatchObject([
      { action: 'freeze_deleted', subject: 'christmas', detail: { wasOpen: true } },
      { action: 'freeze_put', detail: now },
      { action: 'freeze_put', by: 'admin', detail: later },
    ]);
  });

  it.each([
    ['no reason', { reason: '' }, 'reason'],
    ['no time', { from: 'tomorrow' }, 'from'],
    ['a time without an offset', { from: '2026-12-20T00:00:00' }, 'from'],
    ['a time that there is not', { to: '2026-12-32T00:00:00Z' }, 'to'],
    ['an end before its begin', { to: '2020-01-01T00:00:00Z' }, 'to'],
    ['an unknown field', { why: '' }, 'why'],
  ])('refuses %s with 400', async (_, patch, path) => {
    const { body } = await api.http
      .put(FREEZE)
      .send({ ...around(0, HOUR_MS), ...patch })
      .expect(400);
    expect(body).toMatchObject({ code: 'validation_failed', errors: [{ path }] });
  });

  it('needs its namespace: 404 namespace_not_found', async () => {
    for (const path of ['/v1/namespaces/never/freezes', '/v1/namespaces/never/freezes/x'])
      expect((await api.http.get(path).expect(404)).body.code).toBe('namespace_not_found');
    await api.http.put('/v1/namespaces/never/freezes/x').send(around(0, HOUR_MS)).expect(404);
  });
});

describe('an open freeze', () => {
  it('holds up other weights (409 frozen), also in a dry run, and changes nothing; zero, rollback, scale and stop always go', async () => {
    const app = await apps.appWith('1/cart', '2/cart');
    const weights = { 1: 50, 2: 50 };
    await api.http.put(`${app}/distribution`).send({ weights }).expect(200);
    const { body: window } = await freeze();
    const before = await dump(api.databaseUrl);
    for (const [method, path] of [
      ['put', `${app}/distribution`],
      ['put', `${app}/distribution?dryRun=true`],
      ['put', `${app}/services/cart/distribution`],
      ['delete', `${app}/distribution`],
    ] as const) {
      const { body } = await api.http[method](path)
        .send(method === 'put' ? { weights: { 1: 90, 2: 10 } } : undefined)
        .expect(409);
      const { name, from, to, reason } = window;
      expect(body).toMatchObject({ code: 'frozen', freeze: { name, from, to, reason } });
    }
    expect(await dump(api.databaseUrl)).toEqual(before);
    await api.http.post(`${app}/distribution/zero`).send({ version: 2 }).expect(200);
    await api.http.post(`${app}/distribution/rollback`).expect(200);
    expect((await api.http.get(`${app}/distribution`)).body.weights).toEqual(weights);
    await api.http.post(`${app}/versions/2/stop`).send({ drainSeconds: 0 }).expect(202);
    expect((await api.http.get(`${app}/distribution`)).body.weights).toEqual({ 1: 100 });
  });

  it('gives way to an override with its reason, which is in the audit; a dry run is not', async () => {
    const app = await apps.appWith('1/cart', '2/cart');
    await freeze();
    const put = (query = '') => api.http.put(`${app}/distribution${query}`).send({ weights: { 1: 50, 2: 50 } });
    await put('?dryRun=true').set('X-Freeze-Override', 'only to look').expect(200);
    await put().set('X-Freeze-Override', 'SHOP-17: prices were wrong').expect(200);
    const overridden = (await audit()).filter(({ action }: { action: string }) => action === 'freeze_overridden');
    expect(overridden).toMatchObject([
      {
        by: 'admin',
        subject: app.split('/').at(-1),
        detail: { change: 'distribution', freeze: 'christmas', reason: 'SHOP-17: prices were wrong' },
      },
    ]);
    for (const reason of ['', 'x'.repeat(501)])
      expect((await put().set('X-Freeze-Override', reason).expect(400)).body.code).toBe('invalid_freeze_override');
  });

  it('holds up another routing and an alias that moves; not a limit, nor a new alias', async () => {
    const app = await apps.appWith('1/cart', '2/cart');
    await api.http.put(`${app}/aliases/stable`).send({ version: 1 }).expect(201);
    await freeze();
    const to2 = { version: 2 };
    const routing = { audiences: [{ name: 'staff', when: [{ by: 'header', name: 'X-Group', equals: 'staff' }], then: to2 }] };
    const limits = { services: { cart: { requestsPerSecond: 10 } } };
    for (const [path, body] of [
      [app, { routing }],
      [app, { routing: { fallback: 'newest' } }],
      [`${app}/aliases/stable`, to2],
    ] as const) {
      expect((await api.http.put(path).send(body).expect(409)).body.code).toBe('frozen');
    }
    await api.http.put(`${app}/aliases/stable`).send({ version: 1 }).expect(200);
    await api.http.put(`${app}/aliases/next`).send(to2).expect(201);
    await api.http.put(app).send({ description: 'the shop', routing: { limits } }).expect(200);
    await api.http.put(app).set('X-Freeze-Override', 'only staff').send({ routing }).expect(200);
    await api.http.put(`${app}/aliases/stable`).set('X-Freeze-Override', 'only staff').send(to2).expect(200);
    const changes = (await audit()).slice(0, 2).map(({ detail }: { detail: { change: string } }) => detail.change);
    expect(changes).toEqual(['alias', 'routing']);
  });

  it('holds up the first start of a version, not the return of one that has run here', async () => {
    const app = await apps.appWith('1/cart', '2/cart');
    await api.http.post(`${app}/versions/2/stop`).send({ drainSeconds: 0 }).set('Prefer', 'wait=20').expect(202);
    await freeze();
    expect((await api.http.post(`${app}/versions/3/services/cart/start`).expect(409)).body.code).toBe('frozen');
    expect((await api.http.post(`${app}/versions/3/start`).expect(409)).body.code).toBe('frozen');
    await api.http.post(`${app}/versions/2/services/cart/start`).expect(202);
    await api.http.post(`${app}/versions/2/services/pay/start`).expect(202);
    await api.http.post(`${app}/versions/3/start`).set('X-Freeze-Override', 'the old one leaks').expect(202);
  });

  it.each([
    ['is over', -2 * HOUR_MS, -HOUR_MS],
    ['has not begun', HOUR_MS, 2 * HOUR_MS],
  ])('one that %s holds up nothing', async (_, fromMs, toMs) => {
    const app = await apps.appWith('1/cart', '2/cart');
    await api.http.put(FREEZE).send(around(fromMs, toMs)).expect(201);
    await api.http
      .put(`${app}/distribution`)
      .send({ weights: { 1: 50, 2: 50 } })
      .expect(200);
  });

  it('is of its own namespace only', async () => {
    const app = await apps.appWith('1/cart', '2/cart');
    await api.http.put('/v1/namespaces/other').send({}).expect(201);
    await api.http.put('/v1/namespaces/other/freezes/now').send(around(-HOUR_MS, HOUR_MS)).expect(201);
    await api.http
      .put(`${app}/distribution`)
      .send({ weights: { 1: 50, 2: 50 } })
      .expect(200);
  });
});
