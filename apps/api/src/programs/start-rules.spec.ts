import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { dump } from '../testing/test-apps.js';

const NS = '/v1/namespaces/default';

/** Without a host that may start programs: a run is made, and stays PENDING. */
describe('CONTRACT §3: who may start beside whom', () => {
  let api: TestApi;
  let apps = 0;

  beforeAll(async () => {
    api = await createTestApi();
    const programs = [
      { name: 'cart', type: 'service' },
      { name: 'pay', type: 'service', command: ['node', 'pay.mjs'] },
      { name: 'mailer', type: 'worker' },
      { name: 'crowd', type: 'worker', concurrent: true },
      { name: 'rebuild', type: 'flow' },
      { name: 'here', type: 'worker', command: ['node', 'here.mjs'] },
    ];
    for (const version of ['1.0.0', '2.0.0']) await api.http.put(`${NS}/artifacts/shop/versions/${version}`).send({ programs }).expect(201);
  }, 60_000);
  afterAll(() => api.close());

  async function newApp(): Promise<string> {
    apps += 1;
    const app = `${NS}/apps/shop-${apps}`;
    for (const version of ['1.0.0', '2.0.0'])
      await api.http
        .post(`${app}/versions`)
        .send({ artifact: { name: 'shop', version } })
        .expect(201);
    return app;
  }

  const start = async (app: string, path: string, body: object = {}) => {
    const answer = await api.http.post(`${app}/versions/${path}/start`).send(body);
    return [answer.status, answer.body.code ?? answer.body.status ?? names(answer.body)];
  };
  const names = ({ items }: { items: { program: { name: string } }[] }) => items.map(({ program }) => program.name).sort();

  it('services of several versions run side by side', async () => {
    const app = await newApp();
    expect(await start(app, '1/services/cart')).toEqual([202, 'PENDING']);
    expect(await start(app, '2/services/cart')).toEqual([202, 'PENDING']);
    expect(await start(app, '2/services/cart')).toEqual([409, 'already_running']);
  });

  it.each(['workers/mailer', 'flows/rebuild'])('%s runs in one version at a time: 409 running_in_other_version', async (program) => {
    const app = await newApp();
    expect(await start(app, `1/${program}`)).toEqual([202, 'PENDING']);
    expect(await start(app, `2/${program}`)).toEqual([409, 'running_in_other_version']);
    await api.http.post(`${app}/versions/1/${program}/stop`).set('Prefer', 'wait=20').send({}).expect(202);
    expect(await start(app, `2/${program}`)).toEqual([202, 'PENDING']);
  });

  it('of twenty starts in both versions at once one wins', async () => {
    const app = await newApp();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => start(app, `${1 + (index % 2)}/workers/mailer`)));
    expect(answers.filter(([status]) => status === 202)).toHaveLength(1);
    for (const [status, code] of answers.filter(([status]) => status !== 202))
      expect([status, ['already_running', 'running_in_other_version'].includes(code)]).toEqual([409, true]);
  });

  it('a worker runs in several versions when its artifact says concurrent: true', async () => {
    const app = await newApp();
    expect(await start(app, '1/workers/crowd')).toEqual([202, 'PENDING']);
    expect(await start(app, '2/workers/crowd')).toEqual([202, 'PENDING']);
  });

  it('start of a version takes the types that are named, all of their programs or none', async () => {
    const app = await newApp();
    expect(await start(app, '1', { types: ['service', 'flow'] })).toEqual([202, ['cart', 'pay', 'rebuild']]);
    expect(await start(app, '1', { types: ['service', 'flow'] })).toEqual([409, 'already_running']);
    const before = await dump(api.databaseUrl);
    expect(await start(app, '2', { types: ['service', 'flow'] })).toEqual([409, 'running_in_other_version']);
    for (const types of [[], ['service', 'service'], ['services'], 'service', [null]])
      expect(await start(app, '2', { types })).toEqual([400, 'validation_failed']);
    expect(await dump(api.databaseUrl)).toEqual(before);
  });

  it('stop of a version takes the types that are named', async () => {
    const app = await newApp();
    await start(app, '1', { types: ['service', 'flow'] });
    const stop = (body: object) => api.http.post(`${app}/versions/1/stop`).set('Prefer', 'wait=20').send(body);
    expect(names((await stop({ types: ['flow'] }).expect(202)).body)).toEqual(['rebuild']);
    expect((await stop({ types: ['flow'] }).expect(409)).body.code).toBe('not_running');
    const { body } = await stop({}).expect(202);
    expect(names(body)).toEqual(['cart', 'pay']);
    expect(body.items.map(({ status }: { status: string }) => status)).toEqual(['STOPPED', 'STOPPED']);
  });

  it('§2 FABRIC_PROCESS_RUNTIME off: a service may be registered, a worker that nobody could start is 409 no_host', async () => {
    const app = await newApp();
    expect(await start(app, '1/services/pay')).toEqual([202, 'PENDING']);
    expect(await start(app, '1/workers/here')).toEqual([409, 'no_host']);
    await api.http.put(`${app}/versions/1/services/pay/instances/a`).send({ url: 'http://127.0.0.1:9' }).expect(201);
  });

  const bad: [string, string, object][] = [
    ['instances 0', '1/services/cart', { instances: 0 }],
    ['10,000 instances', '1/services/cart', { instances: 10_000 }],
    ['"2" instances', '1/services/cart', { instances: '2' }],
    ['an unknown field', '1/services/cart', { instance: 2 }],
  ];
  it.each(bad)('start with %s: 400 validation_failed', async (_label, path, body) => {
    expect(await start(await newApp(), path, body)).toEqual([400, 'validation_failed']);
  });

  it.each([0, -1, 1.5, '1', 101, 10_000, null, undefined])('instances count %j: 400 validation_failed', async (count) => {
    const { body } = await api.http.put(`${await newApp()}/versions/1/services/cart/instances`).send({ count });
    expect(body).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ path: 'count' }] });
  });

  it.each([-1, 1.5, '5', 3_601, 1e9])('stop with drainSeconds %j: 400 validation_failed', async (drainSeconds) => {
    const { body } = await api.http.post(`${await newApp()}/versions/1/services/cart/stop`).send({ drainSeconds });
    expect(body).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ path: 'drainSeconds' }] });
  });
});
