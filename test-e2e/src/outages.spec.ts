import { eventually, type Shop, sendHttp } from '@app-fabric/scenario';
import { describeWithOwnPostgres } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';
import { processesOf } from './harness/program-processes.js';

const RECOVERY_MS = 30_000;

describeWithOwnPostgres('outages while traffic flows', () => {
  let fabric: Fabric;
  let shop: Shop;

  beforeEach(async () => {
    fabric = await Fabric.start({ proxies: 2, ownPostgres: true });
    shop = fabric.shop('outage');
    await shop.uploadArtifact('1.0.0');
    await shop.uploadArtifact('2.0.0');
    await shop.createVersion('1.0.0');
    await shop.createVersion('2.0.0');
    await shop.start(1, 'services', 'cart');
    await shop.start(2, 'services', 'cart');
  }, 90_000);

  afterEach(() => fabric?.stop(), 60_000);

  /** The next change is taken, and reaches both proxies. */
  async function expectNextChange(weights: Record<string, number>): Promise<void> {
    await eventually('the next change is applied everywhere', RECOVERY_MS, async () => {
      const answer = await fabric.client.call('PUT', `${shop.appPath}/distribution`, { json: { weights, reason: 'after it' }, wait: 5 });
      return answer.propagation.complete && answer.propagation.acknowledged === 2 ? true : undefined;
    });
  }

  it('§5 PostgreSQL killed and restarted: no failed request, and the next change arrives', async () => {
    const traffic = fabric.traffic(shop.app);
    await traffic.measure(200);
    await fabric.postgres!.kill();
    await traffic.measure(500);
    const refused = await fabric.client.send('PUT', `${shop.appPath}/distribution`, { json: { weights: { 1: 1, 2: 99 } } });
    expect(refused.status).toBe(503);
    expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
    await fabric.postgres!.start();
    await traffic.measure(200);
    await expectNextChange({ 1: 0, 2: 100 });
    const after = await traffic.measure(200);
    await traffic.stop();
    expect(traffic.firstFailures).toEqual([]);
    expect(after.byVersion).toEqual({ 2: 200 });
  }, 120_000);

  it('§5 Redis killed and restarted empty: no failed request, and the next change arrives', async () => {
    const traffic = fabric.traffic(shop.app);
    await traffic.measure(200);
    await fabric.redis.kill();
    await traffic.measure(500);
    await fabric.redis.start();
    await traffic.measure(200);
    await expectNextChange({ 1: 0, 2: 100 });
    const after = await traffic.measure(200);
    await traffic.stop();
    expect(traffic.firstFailures).toEqual([]);
    expect(after.byVersion).toEqual({ 2: 200 });
  }, 120_000);

  it('§5 a change made while Redis is away is not lost', async () => {
    await fabric.redis.kill();
    await fabric.client.call('PUT', `${shop.appPath}/distribution`, { json: { weights: { 1: 0, 2: 100 } }, wait: 0 });
    await fabric.redis.start();
    for (const index of [0, 1]) {
      await eventually(`proxy ${index} routes by it`, RECOVERY_MS, async () => {
        const { headers } = await sendHttp('GET', fabric.cartUrl(shop.app, '/total', index));
        return headers['x-app-version'] === '2' ? true : undefined;
      });
    }
  }, 120_000);

  it('§5 API killed and restarted: programs keep serving and are taken over, none is left over', async () => {
    const before = await processesOf(shop.app);
    const runs = async () => (await fabric.client.call('GET', `${shop.programPath(1, 'services', 'cart')}/runs`)).items;
    const [{ runId }] = await runs();
    const traffic = fabric.traffic(shop.app);
    await traffic.measure(200);
    await fabric.api.kill();
    await traffic.measure(500);
    await fabric.startApi();
    shop = fabric.shop('outage');
    await eventually('the run is taken over', RECOVERY_MS, async () => {
      const [run] = await runs();
      return run.runId === runId && run.status === 'RUNNING' ? true : undefined;
    });
    expect(await processesOf(shop.app)).toEqual(before);
    await expectNextChange({ 1: 0, 2: 100 });
    await shop.stop(1, 'services', 'cart');
    await traffic.measure(200);
    await traffic.stop();
    expect(traffic.firstFailures).toEqual([]);
    await shop.stop(2, 'services', 'cart');
    await eventually('no process is left', RECOVERY_MS, async () => ((await processesOf(shop.app)).length === 0 ? true : undefined));
  }, 120_000);

  it('§5 a proxy that starts while Redis is down serves from its snapshot, and says so', async () => {
    await fabric.redis.kill();
    expect((await fabric.proxies[1]!.stop()).code).toBe(0);
    const proxy = await fabric.startProxy(1);
    const answer = await sendHttp('GET', fabric.cartUrl(shop.app, '/total?prices=5', 1));
    expect([answer.status, answer.body.version]).toEqual([200, 1]);
    const ready = await sendHttp('GET', `${proxy.ready.proxyAdmin}/readyz`);
    expect(ready.status).toBe(200);
    expect(JSON.stringify(ready.body)).toMatch(/snapshot/i);
    await fabric.redis.start();
    await expectNextChange({ 1: 0, 2: 100 });
    const after = await sendHttp('GET', fabric.cartUrl(shop.app, '/total?prices=5', 1));
    expect(after.body.version).toBe(2);
  }, 120_000);
});
