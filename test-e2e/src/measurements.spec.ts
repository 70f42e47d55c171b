import { eventually, sendHttp } from '@app-fabric/scenario';
import { CountedApp } from './harness/counted-app.js';
import { sum } from './harness/counting-instance.js';
import { describeWithOwnPostgres, describeWithServers } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';
import { FrameMeddler } from './harness/frame-meddler.js';

const SETTLE_MS = 30_000;

describeWithServers('measurements of two proxies', () => {
  let fabric: Fabric;
  let app: CountedApp;
  let meddler: FrameMeddler | undefined;

  beforeEach(async () => {
    fabric = await Fabric.start({ proxies: 2 });
    app = await CountedApp.make(fabric, [[0, 0], [20]], { 1: 90, 2: 10 });
  }, 60_000);
  afterEach(async () => {
    await meddler?.stop();
    await fabric?.stop();
    await app?.close();
  }, 60_000);

  it('issue 4: frames dropped, doubled and late, a proxy killed: totals are what the instances counted', async () => {
    meddler = await FrameMeddler.start(fabric.redis.url);
    const { done, told } = meddler;
    for (let round = 0; done.dropped < 2 || done.doubled < 2 || done.late < 2; round += 1) {
      if (round === 100) throw new Error(`too few frames came by: ${JSON.stringify(done)}`);
      await app.load(300, [0, 1]);
    }
    await meddler.calm();
    await app.agree();

    // The second proxy dies under load: all that it had told counts, and nothing twice.
    expect(told.size).toBe(2);
    const through = (url: string) => sum(app.instances.flatMap(({ byProxy }) => byProxy.get(url) ?? [])).requests;
    const [surviving, dying] = [fabric.proxyUrls[0]!, fabric.proxyUrls[1]!];
    // More than the surviving one could ever tell of: whoever tells of that is the dying one, whichever had more until now.
    const most = Math.max(through(surviving), through(dying));
    const load = app.load(most - through(dying) + 4_000, [1]);
    await eventually('it has told of some of the load', SETTLE_MS, async () => (Math.max(...told.values()) > most ? true : undefined));
    await fabric.proxies[1]!.kill();
    await load;
    await fabric.startProxy(1);
    await app.load(200, [0, 1]);
    const others = sum(app.instances.map(({ counts }) => counts)).requests - through(dying);
    await eventually('what was told of is counted', SETTLE_MS, async () => {
      const total = sum(Object.values(await app.groups('version'))).requests;
      return total >= others + Math.max(...told.values()) ? true : undefined;
    });
    expect(sum(Object.values(await app.groups('version'))).requests).toBeLessThanOrEqual(others + through(dying));
  }, 120_000);

  it('the scenario’s step 5: a version that fails 5 % of its requests is seen to, in metrics and errors alike', async () => {
    await app.load(2_000, [0, 1]);
    await app.agree();
    const { groups } = await fabric.client.call('GET', `${app.path}/metrics?window=15m`);
    const failing = app.counted('version')[2]!;
    expect(groups[0]).toMatchObject({ version: 1, errors: 0, errorRate: 0, availability: 1 });
    expect(groups[1]).toMatchObject({ version: 2, errorRate: failing.errors / failing.requests, byStatus: { '5xx': failing.errors } });
    const { items, dropped } = await fabric.client.call('GET', `${app.path}/errors?version=2&limit=500`);
    expect(items.length + dropped).toBe(failing.errors);
    expect(items[0]).toMatchObject({
      version: 2,
      service: 'cart',
      instanceId: 'v2-0',
      status: 500,
      code: null,
      pathTemplate: '/orders/{}',
    });
    expect(items[0].runId).toMatch(/^[0-9a-f-]{36}$/);
    expect(items[0].traceId).toMatch(/^[0-9a-f]{32}$/);
    const scraped = await Promise.all(fabric.adminUrls.map((url) => sendHttp('GET', `${url}/metrics`)));
    const route = `namespace="default",app="${app.name}",service="cart",version="2"`;
    const outcome = 'http_request_method="GET",http_response_status_code="500",error_type="500"';
    const series = `http_server_request_duration_seconds_count{${route},${outcome}} `;
    const counts = scraped.map(({ body }) => Number(String(body).split(series)[1]?.split('\n')[0] ?? 0));
    expect(counts.reduce((a, b) => a + b, 0)).toBe(failing.errors);
  }, 120_000);

  it('issue 4: with the API away, and Redis restarted empty, nothing is lost', async () => {
    await app.load(300, [0, 1]);
    await fabric.api.kill();
    await app.load(300, [0, 1]);
    await fabric.redis.kill();
    await app.load(300, [0, 1]);
    await fabric.redis.start();
    await app.load(300, [0, 1]);
    await fabric.startApi();
    await app.load(300, [0, 1]);
    await app.agree();
  }, 120_000);
});

describeWithOwnPostgres('measurements while PostgreSQL is away', () => {
  it('issue 4: nothing is lost, nothing counts twice', async () => {
    const fabric = await Fabric.start({ proxies: 2, ownPostgres: true });
    let app: CountedApp | undefined;
    try {
      app = await CountedApp.make(fabric, [[0]], { 1: 100 });
      await app.load(300, [0, 1]);
      await fabric.postgres!.kill();
      await app.load(300, [0, 1]);
      await fabric.postgres!.start();
      await app.load(300, [0, 1]);
      await app.agree();
    } finally {
      await fabric.stop();
      await app?.close();
    }
  }, 120_000);
});
