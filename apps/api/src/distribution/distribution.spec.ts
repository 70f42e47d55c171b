import { createTestApi, type TestApi } from '../testing/create-test-api.js';

const NS = '/v1/namespaces/default';
const URL_OF_NOBODY = 'http://127.0.0.1:9';

describe('distributions', () => {
  let api: TestApi;
  let apps = 0;

  beforeAll(async () => {
    api = await createTestApi();
    for (const version of ['1.0.0', '2.0.0', '3.0.0']) {
      const programs = ['cart', 'pay'].map((name) => ({ name, type: 'service' }));
      await api.http.put(`${NS}/artifacts/shop/versions/${version}`).send({ programs }).expect(201);
    }
  });
  afterAll(() => api.close());

  /** A new app with three versions, of which those named run, in the order given. */
  async function appWith(...running: string[]): Promise<string> {
    const app = `${NS}/apps/app${apps++}`;
    for (const version of ['1.0.0', '2.0.0', '3.0.0'])
      await api.http
        .post(`${app}/versions`)
        .send({ artifact: { name: 'shop', version } })
        .expect(201);
    for (const place of running) await run(app, place);
    return app;
  }

  /** `1/cart` → an instance that makes it run. */
  async function run(app: string, place: string): Promise<void> {
    const [version, service] = place.split('/');
    await api.http
      .put(`${app}/versions/${version}/services/${service}/instances/a`)
      .send({ url: URL_OF_NOBODY, ttlSeconds: 300 })
      .expect(201);
  }

  const put = (app: string, weights: unknown) => api.http.put(`${app}/distribution`).send({ weights });
  const weightsOf = async (path: string) => (await api.http.get(`${path}/distribution`).expect(200)).body.weights;

  it('§3 no distribution: 200 with weights {}, revision 0 and the fallback in force', async () => {
    const { body, headers } = await api.http.get(`${await appWith()}/distribution`).expect(200);
    expect(body).toMatchObject({ weights: {}, revision: 0, fallback: 'random', scope: 'app', updatedBy: null });
    expect(headers.etag).toBe('"0"');
  });

  it('CONTRACT §3 rule 1: the first version to run gets 100, every later one starts at 0', async () => {
    const app = await appWith('2/cart', '1/cart', '1/pay');
    const { body } = await api.http.get(`${app}/distribution`).expect(200);
    expect(body).toMatchObject({ weights: { 1: 0, 2: 100 }, revision: 1, source: 'first_version', updatedBy: 'system' });
    expect(body.effective).toEqual({ cart: { 1: 0, 2: 100 }, pay: { 1: 0 } });
  });

  it('CONTRACT §3 rule 2: stopping moves the weight in proportion; stored weights change with the last service', async () => {
    const app = await appWith('1/cart', '2/cart', '3/cart', '2/pay');
    await put(app, { 1: 33.34, 2: 50, 3: 16.66 }).expect(200);
    await api.http.post(`${app}/versions/2/services/cart/stop`).send({}).expect(202);
    const { body } = await api.http.get(`${app}/distribution`).expect(200);
    expect(body.weights).toEqual({ 1: 33.34, 2: 50, 3: 16.66 });
    expect(body.effective.cart).toEqual({ 1: 66.68, 3: 33.32 });
    await api.http.post(`${app}/versions/2/services/pay/stop`).send({}).expect(202);
    expect(await weightsOf(app)).toEqual({ 1: 66.68, 3: 33.32 });
  });

  it('CONTRACT §3 rule 3: 409 no_weight_to_take_over, unless reallocate says where; removed with the last', async () => {
    const app = await appWith('1/cart', '2/cart');
    const refused = await api.http.post(`${app}/versions/1/services/cart/stop`).send({}).expect(409);
    expect(refused.body.code).toBe('no_weight_to_take_over');
    expect(await weightsOf(app)).toEqual({ 1: 100, 2: 0 });
    await api.http
      .post(`${app}/versions/1/services/cart/stop`)
      .send({ reallocate: { 2: 99 } })
      .expect(400);
    await api.http
      .post(`${app}/versions/1/services/cart/stop`)
      .send({ reallocate: { 3: 100 } })
      .expect(409);
    await api.http
      .post(`${app}/versions/1/services/cart/stop`)
      .send({ reallocate: { 2: 100 } })
      .expect(202);
    expect(await weightsOf(app)).toEqual({ 2: 100 });
    await api.http.post(`${app}/versions/2/services/cart/stop`).send({}).expect(202);
    expect((await api.http.get(`${app}/distribution`)).body).toMatchObject({ weights: {}, revision: 0 });
  });

  it('CONTRACT §3 rule 5: rollback restores the weights before, or of toRevision, as a new revision', async () => {
    const app = await appWith('1/cart', '2/cart');
    expect((await api.http.post(`${app}/distribution/rollback`).send({}).expect(409)).body.code).toBe('nothing_to_roll_back');
    await put(app, { 1: 90, 2: 10 }).expect(200);
    await put(app, { 1: 50, 2: 50 }).expect(200);
    const back = await api.http.post(`${app}/distribution/rollback`).send({ reason: 'too fast' }).expect(200);
    expect(back.body).toMatchObject({ revision: 4, weights: { 1: 90, 2: 10 }, source: 'rollback', reason: 'too fast', updatedBy: 'admin' });
    expect((await api.http.post(`${app}/distribution/rollback`).send({ toRevision: 1 }).expect(200)).body).toMatchObject({
      revision: 5,
      weights: { 1: 100 },
    });
    expect((await api.http.post(`${app}/distribution/rollback`).send({ toRevision: 99 }).expect(422)).body.code).toBe('unknown_revision');
    const { body: page } = await api.http.get(`${app}/distribution/history?limit=2`).expect(200);
    expect(page.items.map(({ revision }: { revision: number }) => revision)).toEqual([5, 4]);
    const { body: next } = await api.http.get(`${app}/distribution/history?cursor=${page.nextCursor}`).expect(200);
    expect(next.items.map(({ revision, source }: { revision: number; source: string }) => `${revision} ${source}`)).toEqual([
      '3 api',
      '2 api',
      '1 first_version',
    ]);
    expect(next.nextCursor).toBeNull();
  });

  it('§3 the same Idempotency-Key gives the first answer again, and rolls back once', async () => {
    const app = await appWith('1/cart', '2/cart');
    await put(app, { 1: 90, 2: 10 }).expect(200);
    const send = (body: object) => api.http.post(`${app}/distribution/rollback`).set('Idempotency-Key', 'only-once').send(body);
    const first = await send({}).expect(200);
    const second = await send({}).expect(200);
    expect(second.body).toEqual(first.body);
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect((await send({ reason: 'other' }).expect(422)).body.code).toBe('idempotency_key_reused');
    expect((await api.http.get(`${app}/distribution`)).body.revision).toBe(3);
  });

  describe('§3 bad input: 400 invalid_weights that says where, and nothing is changed', () => {
    const cases: [string, unknown][] = [
      ['a sum of 99.99', { 1: 90, 2: 9.99 }],
      ['−1', { 1: 101, 2: -1 }],
      ['1e3', { 1: 1e3 }],
      ['"90"', { 1: '90', 2: 10 }],
      ['NaN, which JSON writes as null', { 1: null, 2: 100 }],
      ['three decimals', { 1: 33.333, 2: 66.667 }],
      ['no versions', {}],
      ['10,000 versions', Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [index + 1, 0.01]))],
      ['a list', [100]],
      ['nothing', undefined],
      ['a version 01', { '01': 100 }],
    ];
    let app: string;
    beforeAll(async () => {
      app = await appWith('1/cart', '2/cart');
    });
    it.each(cases)('%s', async (_label, weights) => {
      const before = await api.http.get(`${app}/distribution`);
      const { body } = await put(app, weights).expect(400);
      expect(body).toMatchObject({ code: 'invalid_weights', status: 400 });
      expect(body.errors[0].path).toMatch(/^weights/);
      expect((await api.http.get(`${app}/distribution`)).body).toEqual(before.body);
    });

    it('unknown versions 422, versions that do not run 409, unknown fields 400, unknown app 404', async () => {
      expect((await put(app, { 1: 50, 77: 50 }).expect(422)).body.code).toBe('unknown_version');
      expect((await put(app, { 1: 50, 3: 50 }).expect(409)).body.code).toBe('version_not_running');
      await api.http
        .put(`${app}/distribution`)
        .send({ weights: { 1: 100 }, force: true })
        .expect(400);
      expect((await put(`${NS}/apps/nobody`, { 1: 100 }).expect(404)).body.code).toBe('app_not_found');
      expect(
        (
          await api.http
            .put(`${app}/services/nothing/distribution`)
            .send({ weights: { 1: 100 } })
            .expect(404)
        ).body.code,
      ).toBe('service_not_found');
      expect((await api.http.get(`${app}/distribution`)).body.revision).toBe(1);
    });
  });

  it('§3 two writers with the same ETag: one gets 412', async () => {
    const app = await appWith('1/cart', '2/cart');
    const { etag } = (await api.http.get(`${app}/distribution`)).headers;
    const write = (weights: object) =>
      api.http
        .put(`${app}/distribution`)
        .set('If-Match', etag as string)
        .send({ weights });
    const answers = await Promise.all([write({ 1: 60, 2: 40 }), write({ 1: 40, 2: 60 })]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    expect((await api.http.get(`${app}/distribution`)).body.revision).toBe(2);
  });

  it('§3 dryRun: the full answer, nothing changed', async () => {
    const app = await appWith('1/cart', '2/cart');
    const dry = await api.http
      .put(`${app}/distribution?dryRun=true`)
      .send({ weights: { 1: 25, 2: 75 } })
      .expect(200);
    expect(dry.body).toMatchObject({ weights: { 1: 25, 2: 75 }, effective: { cart: { 1: 25, 2: 75 } } });
    expect((await api.http.get(`${app}/distribution`)).body).toMatchObject({ revision: 1, weights: { 1: 100, 2: 0 } });
    await api.http
      .put(`${app}/distribution?dryRun=maybe`)
      .send({ weights: { 1: 100 } })
      .expect(400);
  });

  it('§3 zero: its share to the others in proportion, and it goes on running', async () => {
    const app = await appWith('1/cart', '2/cart', '3/cart');
    await put(app, { 1: 60, 2: 30, 3: 10 }).expect(200);
    const { body } = await api.http.post(`${app}/distribution/zero`).send({ version: 3, reason: 'errors' }).expect(200);
    expect(body).toMatchObject({ weights: { 1: 66.67, 2: 33.33, 3: 0 }, source: 'zero', reason: 'errors' });
    await put(app, { 1: 100 }).expect(200);
    expect((await api.http.post(`${app}/distribution/zero`).send({ version: 1 }).expect(409)).body.code).toBe('no_weight_to_take_over');
    expect((await api.http.post(`${app}/distribution/zero`).send({ version: 9 }).expect(422)).body.code).toBe('unknown_version');
  });

  it('§3 a service may override the app, until its distribution is deleted', async () => {
    const app = await appWith('1/cart', '2/cart', '1/pay', '2/pay');
    await api.http
      .put(`${app}/services/pay/distribution`)
      .send({ weights: { 2: 100 } })
      .expect(200);
    expect((await api.http.get(`${app}/distribution`)).body.effective).toEqual({ cart: { 1: 100, 2: 0 }, pay: { 1: 0, 2: 100 } });
    expect((await api.http.get(`${app}/services/cart/distribution`)).body).toMatchObject({
      scope: 'service',
      service: 'cart',
      weights: {},
      revision: 0,
    });
    await api.http.delete(`${app}/services/pay/distribution`).expect(200);
    expect((await api.http.get(`${app}/distribution`)).body.effective.pay).toEqual({ 1: 100, 2: 0 });
  });
});
