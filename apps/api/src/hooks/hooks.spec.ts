import { FakeSource, OK, placeOf } from '../measurements/testing/frames.js';
import { bundleOf } from '../testing/bundle-of.js';
import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { eventually } from '../testing/eventually.js';
import { FakePublisherBus } from '../testing/fake-publisher-bus.js';
import { instancePath, TestApps, URL_OF_NOBODY } from '../testing/test-apps.js';
import { sign } from './signature.js';
import { type Received, type Receiver, startReceiver } from './testing/receiver.js';

const NS = '/v1/namespaces/default';
const SECRET = 'a-secret-of-the-namespace';
const LIMITS = { observe: '1s', stability: { maxErrorRate: 0.2 }, availability: { min: 0.8 }, minRequests: 5 };

const bus = new FakePublisherBus();
const source = new FakeSource('proxy');
let api: TestApi;
let apps: TestApps;
let receiver: Receiver;
/** What the receiver answers to a path; 204 if nothing is said. */
const statuses = new Map<string, number>();

beforeAll(async () => {
  receiver = await startReceiver((response, { url = '' }) => response.writeHead(statuses.get(url) ?? 204).end());
  api = await createTestApi({ bus, config: { processRuntime: true } });
  apps = await TestApps.of(api);
  await api.http.put(`${NS}/webhook-secret`).send({ secret: SECRET }).expect(201);
}, 60_000);
afterEach(() => statuses.clear());
afterAll(async () => {
  await api.close();
  await receiver.close();
});

const get = async (path: string) => (await api.http.get(path).expect(200)).body;
const post = async (path: string, body: object = {}) => (await api.http.post(path).send(body)).body;
const nameOf = (app: string) => app.split('/').at(-1)!;
const hook = (path: string) => ({ webhook: `${receiver.url}${path}`, timeout: '5s' });
const receivedOf = (path: string): Received[] => receiver.received.filter((one) => one.path === path);

/** Of version 2, with these hooks of its one stage. */
async function start(app: string, hooks: object, weight = 100): Promise<string> {
  const stages = [{ name: 'only', weight, ...LIMITS, hooks }];
  const { body } = await api.http.post(`${app}/releases`).send({ candidate: 2, plan: { stages } }).expect(201);
  return `${app}/releases/${body.id}`;
}

/** Good traffic until the release is as wanted. */
function until(path: string, wanted: object) {
  const app = nameOf(path.split('/releases/')[0]!);
  return eventually(async () => {
    for (const version of [1, 2]) source.count(placeOf(app, version), ...Array.from({ length: 20 }, () => OK));
    bus.storeFrame(source.frame());
    const release = await get(path);
    expect(release).toMatchObject(wanted);
    return release;
  });
}

const deliveriesOf = async (path: string, query = ''): Promise<Record<string, unknown>[]> =>
  (await get(`${NS}/deliveries?release=${path.split('/').at(-1)}&limit=500${query}`)).items;

describe('hooks of a release', () => {
  it('before a stage: called in order, signed, and only then the candidate gets its weight; after the promotion', async () => {
    const app = await apps.appWith('1/cart', '2/cart');
    statuses.set('/second', 503);
    const path = await start(app, { before: [hook('/first'), hook('/second')], afterPromotion: [hook('/promoted')] });
    await eventually(async () => expect(receivedOf('/second').length).toBeGreaterThan(1));
    expect(await get(path)).toMatchObject({ status: 'pending', weight: 0, waitingFor: 'hooks before the stage run' });
    statuses.clear();
    await until(path, { status: 'completed', weight: 100 });
    await eventually(async () => expect(receivedOf('/promoted')).toHaveLength(1));
    expect(receivedOf('/first')).toHaveLength(1);
    const [first] = receivedOf('/first');
    const signature = String(first!.headers['x-fabric-signature']);
    const [, seconds = ''] = /^t=(\d+),v1=[0-9a-f]{64}$/.exec(signature) ?? [];
    expect(signature).toBe(sign(SECRET, Number(seconds) * 1_000, first!.body));
    const told = JSON.parse(first!.body);
    expect(told).toMatchObject({
      deliveryId: first!.headers['x-fabric-delivery'],
      event: 'hook.before',
      release: {
        namespace: 'default',
        app: nameOf(app),
        candidate: 2,
        baseline: 1,
        status: 'pending',
        stage: { index: 0, name: 'only' },
        weight: 0,
      },
    });
    expect(JSON.parse(receivedOf('/promoted')[0]!.body)).toMatchObject({
      event: 'hook.after_promotion',
      release: { status: 'completed', weight: 100 },
    });

    const deliveries = await eventually(async () => {
      const all = await deliveriesOf(path);
      expect(all.map(({ point, status, webhook }) => [point, status, webhook])).toEqual([
        ['afterPromotion', 'succeeded', `${receiver.url}/promoted`],
        ['before', 'succeeded', `${receiver.url}/second`],
        ['before', 'succeeded', `${receiver.url}/first`],
      ]);
      return all;
    });
    expect(deliveries[1]!.attempts).toMatchObject([
      { status: 503 },
      ...receivedOf('/second')
        .slice(2)
        .map(() => ({ status: 503 })),
      { status: 204 },
    ]);
    const { body } = await get(`${NS}/deliveries/${told.deliveryId}`);
    expect(body).toEqual(told);
  }, 60_000);

  it('one that fails before a stage pauses the release, with the reason; resumed, it is called again', async () => {
    const app = await apps.appWith('1/cart', '2/cart');
    statuses.set('/gate', 409);
    const path = await start(app, { before: [hook('/gate'), hook('/never')] });
    const paused = await until(path, { status: 'paused', weight: 0 });
    expect(paused.reason).toMatch(/^a hook before stage only failed: .*\/gate answered 409/);
    expect((await deliveriesOf(path)).map(({ status }) => status)).toEqual(['skipped', 'failed']);
    expect(receivedOf('/gate')).toHaveLength(1);
    statuses.clear();
    await post(`${path}/resume`);
    await until(path, { status: 'running', weight: 100 });
    expect([receivedOf('/gate').length, receivedOf('/never').length]).toEqual([2, 1]);
  }, 60_000);

  it('of a release that goes elsewhere meanwhile are cancelled', async () => {
    const app = await apps.appWith('1/cart', '2/cart');
    statuses.set('/busy', 503);
    const path = await start(app, { before: [hook('/busy')] });
    await eventually(async () => expect(receivedOf('/busy').length).toBeGreaterThan(0));
    await post(`${path}/abort`);
    await eventually(async () => expect((await deliveriesOf(path))[0]).toMatchObject({ status: 'cancelled', nextAttemptAt: null }));
  }, 60_000);
});

describe('a flow of the candidate as a hook', () => {
  const FLOW = `
    const { MODE } = JSON.parse(process.env.FABRIC_CONFIG);
    console.log('undoing for version ' + process.env.FABRIC_VERSION);
    if (MODE === 'hang') setInterval(() => undefined, 1000);
    else process.exitCode = MODE === 'good' ? 0 : 3;
  `;
  let made = 0;

  beforeAll(async () => {
    const programs = [
      { name: 'cart', type: 'service' },
      { name: 'undo', type: 'flow', command: ['node', 'undo.mjs'] },
    ];
    await api.http.put(`${NS}/artifacts/undoing/versions/1.0.0`).send({ programs }).expect(201);
    await api.http
      .put(`${NS}/artifacts/undoing/versions/1.0.0/bundle`)
      .set('Content-Type', 'application/gzip')
      .send(await bundleOf({ 'undo.mjs': FLOW }))
      .expect(201);
  });

  async function release(mode: string, hooks: object): Promise<string> {
    made += 1;
    const app = `${NS}/apps/undoing-${made}`;
    for (const MODE of ['none', mode]) {
      await api.http
        .post(`${app}/versions`)
        .send({ artifact: { name: 'undoing', version: '1.0.0' }, config: { MODE } })
        .expect(201);
    }
    for (const version of [1, 2]) {
      const instance = instancePath(app, `${version}/cart`);
      // Registered, though its artifact has other programs with a command.
      await api.http.put(instance).send({ url: URL_OF_NOBODY, ttlSeconds: 300 }).expect(201);
    }
    return start(app, hooks);
  }
  const flow = (timeout: string) => [{ flow: 'undo', timeout }];

  it('that completes is good, and is run once', async () => {
    const path = await release('good', { before: flow('60s') });
    await until(path, { status: 'running', weight: 100 });
    const [delivery] = await deliveriesOf(path);
    expect(delivery).toMatchObject({ flow: 'undo', webhook: null, status: 'succeeded' });
    const runs = (await get(`${path.split('/releases/')[0]}/versions/2/flows/undo/runs`)).items;
    expect(runs).toMatchObject([{ runId: delivery!.runId, status: 'COMPLETED' }]);
  }, 60_000);

  it('that fails, is not done in time, or is not there stops the release', async () => {
    const [failing, hanging, missing] = [
      await release('bad', { before: flow('60s') }),
      await release('hang', { before: flow('2s') }),
      await release('good', { before: [{ flow: 'nothing', timeout: '5s' }] }),
    ];
    expect((await until(failing, { status: 'paused', weight: 0 })).reason).toMatch(/failed: flow undo is FAILED/);
    expect((await until(missing, { status: 'paused', weight: 0 })).reason).toMatch(/flow_not_found/);
    expect((await until(hanging, { status: 'paused', weight: 0 })).reason).toMatch(/not done within 2 s/);
    const runs = `${hanging.split('/releases/')[0]}/versions/2/flows/undo/runs`;
    await eventually(async () => expect((await get(runs)).items[0].status).toMatch(/STOPPED|KILLED/));
  }, 60_000);
});

describe('notifications', () => {
  const notifications = `${NS}/notifications`;
  const put = (name: string, body: object) => api.http.put(`${notifications}/${name}`).send(body);

  it('of every event, in its order; of chosen ones; as alerts that fire and resolve; beside hooks after a zeroing and a rollback, of which one that fails changes nothing', async () => {
    await put('all', { url: `${receiver.url}/all`, secret: 'a-secret-of-its-own' }).expect(201);
    await put('some', { url: `${receiver.url}/some`, events: ['zeroed'] }).expect(201);
    await put('alerts', { url: `${receiver.url}/api/v2/alerts`, format: 'alertmanager', events: ['zeroed', 'paused'] }).expect(201);
    const app = await apps.appWith('1/cart', '2/cart');
    statuses.set('/zeroed', 400);
    const path = await start(app, { afterZeroing: [hook('/zeroed')], afterRollback: [hook('/back')] }, 50);
    await until(path, { status: 'running', weight: 50 });
    await post(`${path}/zero`, { reason: 'it smells' });
    await until(path, { status: 'zeroed', weight: 0 });
    await eventually(async () => expect(receivedOf('/zeroed')).toHaveLength(1));
    expect(JSON.parse(receivedOf('/zeroed')[0]!.body)).toMatchObject({
      event: 'hook.after_zeroing',
      release: { status: 'zeroed', weight: 0 },
    });
    expect(receivedOf('/back')).toEqual([]);
    await post(`${path}/rollback`);
    await until(path, { status: 'rolled_back' });
    await eventually(async () => expect(receivedOf('/back')).toHaveLength(1));
    await eventually(async () =>
      expect((await deliveriesOf(path)).map(({ point, status }) => [point, status])).toContainEqual(['afterZeroing', 'failed']),
    );
    const events: { sequence: number; type: string }[] = (await get(`${path}/events?limit=500`)).items;
    const ofApp = (path: string) => receivedOf(path).filter(({ body }) => body.includes(`"${nameOf(app)}"`));
    await eventually(async () => expect(ofApp('/all')).toHaveLength(events.length));
    const all = ofApp('/all').map(({ body }) => JSON.parse(body));
    expect(all.map(({ sequence, event }) => [sequence, event]).sort(([a], [b]) => a - b)).toEqual(
      events.map(({ sequence, type }) => [sequence, `release.${type}`]),
    );
    expect(all.find(({ event }) => event === 'release.zeroed')).toMatchObject({
      by: 'admin',
      reason: 'it smells',
      to: 'zeroed',
      release: { app: nameOf(app) },
    });
    expect(ofApp('/all')[0]!.headers['x-fabric-signature']).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/);
    expect(ofApp('/some').map(({ headers }) => headers['x-fabric-event'])).toEqual(['release.zeroed']);
    // Zeroed fires, and resolves with the rollback, which is not among the chosen ones and does not fire.
    await eventually(async () => expect(ofApp('/api/v2/alerts')).toHaveLength(2));
    const alerts = ofApp('/api/v2/alerts').flatMap(({ body }) => JSON.parse(body));
    alerts.sort((a, b) => (a.startsAt < b.startsAt ? -1 : 1));
    expect(alerts.map(({ labels }) => labels.alertname)).toEqual(['FabricReleaseZeroed', 'FabricReleaseZeroed']);
    expect(alerts[0].labels).toEqual(alerts[1].labels);
    expect(Date.parse(alerts[0].endsAt)).toBeGreaterThan(Date.parse(alerts[1].endsAt));
    for (const name of ['all', 'some', 'alerts']) await api.http.delete(`${notifications}/${name}`).expect(204);
  }, 60_000);

  it('can be made, shown without their secret, replaced and deleted; If-Match holds', async () => {
    const url = 'https://hooks.example.com/releases';
    const made = await put('on-call', { url, secret: 'correct-horse-battery-staple' }).expect(201);
    expect(made.body).toMatchObject({ name: 'on-call', url, hasSecret: true, events: null, format: 'fabric', updatedBy: 'admin' });
    const replaced = await put('on-call', { url, events: ['zeroed'], format: 'alertmanager' })
      .set('If-Match', made.headers.etag!)
      .expect(200);
    expect(replaced.body).toMatchObject({ hasSecret: false, events: ['zeroed'], format: 'alertmanager' });
    await put('on-call', { url }).set('If-Match', made.headers.etag!).expect(412);
    expect((await api.http.get(`${notifications}/on-call`).expect(200)).headers.etag).toBe(replaced.headers.etag);
    expect((await get(notifications)).items).toContainEqual(replaced.body);
    await api.http.delete(`${notifications}/on-call`).set('If-Match', made.headers.etag!).expect(412);
    await api.http.delete(`${notifications}/on-call`).expect(204);
    expect((await api.http.get(`${notifications}/on-call`).expect(404)).body.code).toBe('notification_not_found');
    expect(JSON.stringify([made.body, made.headers])).not.toContain('correct-horse');
    const secret = await api.http.get(`${NS}/webhook-secret`).expect(200);
    expect(Object.keys(secret.body).sort()).toEqual(['createdAt', 'updatedAt', 'updatedBy']);
  });

  const bad: [string, object, string][] = [
    ['no url', {}, 'url'],
    ['another scheme', { url: 'ftp://a.com/' }, 'url'],
    ['a user in the url', { url: 'https://a:b@c.com/' }, 'url'],
    ['a short secret', { url: 'https://a.com/', secret: 'short' }, 'secret'],
    ['an unknown event', { url: 'https://a.com/', events: ['exploded'] }, 'events'],
    ['no events', { url: 'https://a.com/', events: [] }, 'events'],
    ['an unknown format', { url: 'https://a.com/', format: 'xml' }, 'format'],
    ['an unknown field', { url: 'https://a.com/', retries: 5 }, 'retries'],
  ];
  it.each(bad)('bad input, %s: 400 that says where', async (_title, body, path) => {
    const answer = await put('bad', body).expect(400);
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toEqual([path]);
  });

  it('where webhooks may not go: 422; of what there is not: 404; too many: 409', async () => {
    expect((await put('meta', { url: 'http://169.254.169.254/' }).expect(422)).body.code).toBe('webhook_host_refused');
    const nowhere = '/v1/namespaces/nowhere';
    expect((await api.http.put(`${nowhere}/notifications/a`).send({ url: 'https://a.com/' }).expect(404)).body.code).toBe(
      'namespace_not_found',
    );
    for (const list of ['notifications', 'deliveries', 'webhook-secret'])
      expect((await api.http.get(`${nowhere}/${list}`).expect(404)).body.code).toBe('namespace_not_found');
    expect((await api.http.get(`${NS}/deliveries/${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}`).expect(404)).body.code).toBe(
      'delivery_not_found',
    );
    expect((await api.http.get(`${NS}/deliveries?status=lost`).expect(400)).body.errors[0].path).toBe('status');
    expect((await api.http.get(`${NS}/deliveries?release=5`).expect(400)).body.errors[0].path).toBe('release');
    await api.http.put('/v1/namespaces/full').send({}).expect(201);
    for (let i = 0; i < 50; i++) await api.http.put(`/v1/namespaces/full/notifications/n${i}`).send({ url: 'https://a.com/' }).expect(201);
    expect((await api.http.put('/v1/namespaces/full/notifications/more').send({ url: 'https://a.com/' }).expect(409)).body.code).toBe(
      'too_many_notifications',
    );
    await api.http.put('/v1/namespaces/full/notifications/n7').send({ url: 'https://b.com/' }).expect(200);
  }, 30_000);
});
