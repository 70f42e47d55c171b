import { Agent, get } from 'node:http';
import { eventually, sendHttp } from '@app-fabric/scenario';
import { CountingInstance, type Counts, sum } from './harness/counting-instance.js';
import { describeWithOwnPostgres, describeWithServers } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';
import { FrameMeddler } from './harness/frame-meddler.js';

const NS = '/namespaces/default';
const SETTLE_MS = 30_000;

interface Group extends Counts {
  version: number;
  instanceId?: string;
}

/** Two versions of a service, whose instances run in the test and count. */
class CountedApp {
  readonly instances: CountingInstance[] = [];

  private constructor(
    readonly fabric: Fabric,
    readonly name: string,
  ) {}

  /** `versions`: for each version and instance, which of its requests fail (see CountingInstance). */
  static async make(fabric: Fabric, versions: readonly (readonly number[])[], weights: Record<string, number>): Promise<CountedApp> {
    const app = new CountedApp(fabric, fabric.appName('counted'));
    const { client } = fabric;
    for (const [index, instances] of versions.entries()) {
      const version = `${index + 1}.0.0`;
      const programs = [{ name: 'cart', type: 'service' }];
      await client.call('PUT', `${NS}/artifacts/${app.name}/versions/${version}`, { json: { programs } });
      await client.call('POST', `${app.path}/versions`, { json: { artifact: { name: app.name, version } } });
      for (const [number, failEvery] of instances.entries()) {
        const instance = await CountingInstance.start(`v${index + 1}-${number}`, failEvery);
        app.instances.push(instance);
        const path = `${app.path}/versions/${index + 1}/services/cart/instances/${instance.id}`;
        await client.call('PUT', path, { json: { url: instance.url, ttlSeconds: 3_600 } });
      }
    }
    await client.call('PUT', `${app.path}/distribution`, { json: { weights }, wait: 10 });
    return app;
  }

  get path(): string {
    return `${NS}/apps/${this.name}`;
  }

  /** By version, or by instance. */
  async groups(by: 'version' | 'instance'): Promise<Record<string, Counts>> {
    const { groups } = await this.fabric.client.call('GET', `${this.path}/metrics?window=15m&by=${by}`);
    return Object.fromEntries(
      (groups as Group[]).map(({ version, instanceId, requests, errors }) => [instanceId ?? String(version), { requests, errors }]),
    );
  }

  /** What the instances say themselves. */
  counted(by: 'version' | 'instance'): Record<string, Counts> {
    const counts: Record<string, Counts> = {};
    for (const instance of this.instances) {
      if (instance.counts.requests === 0) continue;
      const key = by === 'instance' ? instance.id : instance.id.slice(1, 2);
      counts[key] = sum([counts[key] ?? { requests: 0, errors: 0 }, instance.counts]);
    }
    return counts;
  }

  /** Metrics and instances agree, to the last request. */
  async agree(): Promise<void> {
    for (const by of ['version', 'instance'] as const)
      await eventually(`metrics by ${by} agree with the instances`, SETTLE_MS, async () => {
        const groups = await this.groups(by).catch(() => null);
        return JSON.stringify(groups) === JSON.stringify(this.counted(by)) ? true : undefined;
      }).catch(async (error: unknown) => {
        expect(await this.groups(by)).toEqual(this.counted(by));
        throw error;
      });
  }

  /** Requests one after the other from some clients at once; through which proxies: their numbers. */
  async load(count: number, proxies: readonly number[], clients = 8): Promise<void> {
    const agent = new Agent({ keepAlive: true });
    let left = count;
    const one = (url: string) =>
      new Promise<void>((resolve) => {
        get(url, { agent }, (response) => response.resume().once('close', resolve)).once('error', () => resolve());
      });
    const client = async (number: number) => {
      for (; left > 0; left -= 1) await one(this.fabric.cartUrl(this.name, `/orders/${left}`, proxies[number % proxies.length]));
    };
    await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
    agent.destroy();
  }

  async close(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.close()));
  }
}

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
    const before = new Set(told.keys());
    expect(before.size).toBe(2);
    const dying = fabric.proxyUrls[1]!;
    const load = app.load(4_000, [1]);
    const servedBefore = app.instances.reduce((count, { byProxy }) => count + (byProxy.get(dying)?.requests ?? 0), 0);
    await eventually('it has told of some of the load', SETTLE_MS, async () =>
      Math.max(...told.values()) > servedBefore ? true : undefined,
    );
    await fabric.proxies[1]!.kill();
    await load;
    await fabric.startProxy(1);
    await app.load(200, [0, 1]);
    const through = (url: string) => sum(app.instances.flatMap(({ byProxy }) => byProxy.get(url) ?? [])).requests;
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
