import { proxyReport } from '../publishing/testing/proxy-report.js';
import { bundleOf } from '../testing/bundle-of.js';
import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { eventually } from '../testing/eventually.js';
import { FakePublisherBus } from '../testing/fake-publisher-bus.js';

const NS = '/v1/namespaces/default';
const SERVER = `
import { createServer } from 'node:http';
createServer((request, response) => response.end('here')).listen(Number(process.env.PORT), '127.0.0.1');
`;

let bus: FakePublisherBus;
let api: TestApi;
let urls: Record<string, string>;

/** A report of the one proxy: it has seen all that was published; of the documents of `app` since `revision` it has accepted none. */
function report(refused?: { app: string; revision: number; heldRevision: number | null }): void {
  const { epoch, revision } = bus.stored!;
  const applied = { epoch, revision: refused ? refused.revision - 1 : revision };
  const rejected = refused
    ? [{ key: `default/${refused.app}`, revision, heldRevision: refused.heldRevision, reason: 'cannot be compiled', at: '' }]
    : [];
  bus.report(proxyReport('p1', revision, { applied, rejected }));
}

async function statusOf(app: string): Promise<string> {
  const { body } = await api.http.get(`${NS}/apps/${app}/versions/1/services/cart/runs`).expect(200);
  return body.items[0].status;
}

async function stop(app: string): Promise<void> {
  await api.http.post(`${NS}/apps/${app}/versions/1/services/cart/stop`).send({ drainSeconds: 0 }).expect(202);
}

beforeEach(async () => {
  bus = new FakePublisherBus();
  api = await createTestApi({ bus, config: { processRuntime: true } });
  const program = { name: 'cart', type: 'service', command: ['node', 'server.mjs'] };
  const artifact = `${NS}/artifacts/shop/versions/1.0.0`;
  await api.http
    .put(artifact)
    .send({ programs: [program] })
    .expect(201);
  const bundle = await bundleOf({ 'server.mjs': SERVER });
  await api.http.put(`${artifact}/bundle`).set('Content-Type', 'application/gzip').send(bundle).expect(201);
  urls = {};
  for (const app of ['held', 'free']) {
    await api.http
      .post(`${NS}/apps/${app}/versions`)
      .send({ artifact: { name: 'shop', version: '1.0.0' } })
      .expect(201);
    const { body } = await api.http.post(`${NS}/apps/${app}/versions/1/services/cart/start`).set('Prefer', 'wait=20').expect(202);
    urls[app] = body.instances[0].url;
  }
  await eventually(async () => {
    for (const app of ['held', 'free']) expect(bus.documents.get(`default/${app}`)?.routes.services[0]?.versions).toHaveLength(1);
  });
  report();
}, 60_000);

afterEach(() => api.close(), 60_000);

describe('§3 rule 4: no SIGTERM while a live proxy may still send requests', () => {
  it('a proxy that has refused the routes without the instance keeps that one alive, and holds up the stop of no other app', async () => {
    const before = bus.stored!.revision;
    await stop('held');
    await stop('free');
    await eventually(async () => {
      report({ app: 'held', revision: before + 1, heldRevision: before });
      expect(await statusOf('free')).toBe('STOPPED');
    });
    expect(await statusOf('held')).toBe('STOPPING');
    expect(await (await fetch(urls.held!)).text()).toBe('here');

    const { body } = await api.http.get('/v1/proxies').expect(200);
    expect(body.items).toMatchObject([{ appliedRevision: before, rejected: [{ key: 'default/held', heldRevision: before }] }]);

    await eventually(async () => {
      report(); // the next document was acceptable
      expect(await statusOf('held')).toBe('STOPPED');
    });
  }, 60_000);

  it('a proxy that has refused them and has no document of the app keeps nothing alive', async () => {
    const before = bus.stored!.revision;
    await stop('held');
    await eventually(async () => {
      report({ app: 'held', revision: before + 1, heldRevision: null });
      expect(await statusOf('held')).toBe('STOPPED');
    });
  }, 60_000);

  it('Prefer: wait answers with the refusal as soon as nobody else is waited for', async () => {
    const before = bus.stored!.revision;
    let answer: unknown = null;
    const put = api.http
      .put(`${NS}/apps/held/distribution`)
      .set('Prefer', 'wait=60')
      .send({ weights: { 1: 100 } });
    void put.then(({ body }) => {
      answer = body.propagation;
    });
    await eventually(async () => {
      if (bus.stored!.revision > before) report({ app: 'held', revision: before + 1, heldRevision: before });
      expect(answer).not.toBeNull();
    });
    expect(answer).toMatchObject({ proxies: 1, acknowledged: 0, complete: false, pending: [], rejected: [{ proxyId: 'p1' }] });
  }, 30_000);
});
