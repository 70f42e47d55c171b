import type { ProxyReport } from '@app-fabric/contracts';
import { proxyReport } from '../publishing/testing/proxy-report.js';
import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { eventually } from '../testing/eventually.js';
import { FakePublisherBus } from '../testing/fake-publisher-bus.js';
import { TestApps, withDatabase } from '../testing/test-apps.js';

/** Long enough for several looks of the supervisor (one a second), each of which must leave the run alone. */
const SEVERAL_LOOKS = 2;

describe('CONTRACT §3 rule 4: new weights committed → every live proxy has applied them → requests in flight done or drainSeconds over → the end', () => {
  const bus = new FakePublisherBus();
  const proxies = new Map<string, ProxyReport>();
  let reporting: NodeJS.Timeout;
  let api: TestApi;
  let apps: TestApps;

  beforeAll(async () => {
    api = await createTestApi({ bus });
    apps = await TestApps.of(api);
    reporting = setInterval(() => {
      for (const report of proxies.values()) bus.report(report);
    }, 500);
  }, 60_000);
  afterEach(() => {
    for (const report of proxies.values()) bus.report({ ...report, leaving: true });
    proxies.clear();
  });
  afterAll(async () => {
    clearInterval(reporting);
    await api.close();
  });

  /** What proxy `proxyId` says from now on: it routes by `revision`. */
  function say(proxyId: string, revision: number, inFlight: Record<string, number> = {}): void {
    const report = proxyReport(proxyId, revision, { applied: { epoch: bus.stored!.epoch, revision }, inFlight });
    proxies.set(proxyId, report);
    bus.report(report);
  }

  const routeRevision = async () => (await api.http.get('/v1/proxies').expect(200)).body.routeRevision as number;
  const runOf = async (app: string) => (await api.http.get(`${app}/versions/1/services/cart/runs?limit=1`).expect(200)).body.items[0];
  const stop = (app: string, drainSeconds: number) =>
    api.http.post(`${app}/versions/1/services/cart/stop`).send({ drainSeconds }).expect(202);

  /** The supervisor has looked at the run so many times more, and left it as it is. */
  async function staysStopping(app: string): Promise<void> {
    for (let look = 0; look < SEVERAL_LOOKS; look++) {
      const before = await leaseTime();
      await eventually(async () => expect(await leaseTime()).not.toBe(before));
      expect((await runOf(app)).status).toBe('STOPPING');
    }
  }

  it('waits for the slowest proxy, then for the last request', async () => {
    const app = await appAt50();
    const uid = await uidOf(app);
    const before = await routeRevision();
    say('fast', before);
    say('slow', before);
    await stop(app, 3_600);
    const after = await routeRevision();
    expect((await api.http.get(`${app}/distribution`)).body.weights).toEqual({ 2: 100 });
    say('fast', after, { [uid]: 1 });
    await staysStopping(app);
    say('slow', after, { [uid]: 2 });
    await staysStopping(app);
    say('slow', after);
    await staysStopping(app);
    say('fast', after);
    await eventually(async () => expect((await runOf(app)).status).toBe('STOPPED'));
  }, 60_000);

  it('drainSeconds 0: whatever is in flight, but not before every proxy has applied it', async () => {
    const app = await appAt50();
    const before = await routeRevision();
    const uid = await uidOf(app);
    say('only', before, { [uid]: 1 });
    await stop(app, 0);
    await staysStopping(app);
    say('only', await routeRevision(), { [uid]: 1 });
    await eventually(async () => expect((await runOf(app)).status).toBe('STOPPED'));
  }, 60_000);

  it('a proxy that has left is not waited for', async () => {
    const app = await appAt50();
    const before = await routeRevision();
    say('there', before);
    say('leaving', before);
    await stop(app, 3_600);
    say('there', await routeRevision());
    await staysStopping(app);
    bus.report({ ...proxies.get('leaving')!, leaving: true });
    proxies.delete('leaving');
    await eventually(async () => expect((await runOf(app)).status).toBe('STOPPED'));
  }, 60_000);

  async function appAt50(): Promise<string> {
    const app = await apps.appWith('1/cart', '2/cart');
    await api.http
      .put(`${app}/distribution`)
      .send({ weights: { 1: 50, 2: 50 } })
      .expect(200);
    return app;
  }

  /** By which name proxies know the one instance of version 1. */
  async function uidOf(app: string): Promise<string> {
    const { runId } = await runOf(app);
    return one('SELECT instance_uid AS value FROM run_instances WHERE run_id = $1', runId);
  }

  /** Renewed by each round of the supervisor, which looks at every active run then. */
  function leaseTime(): Promise<string> {
    return one('SELECT expires_at::text AS value FROM leases WHERE name = $1', 'shared-runs');
  }

  function one(sql: string, parameter: string): Promise<string> {
    return withDatabase(api.databaseUrl, async (client) => (await client.query<{ value: string }>(sql, [parameter])).rows[0]!.value);
  }
});
