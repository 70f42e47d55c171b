import { Agent, request as httpRequest } from 'node:http';
import { eventually, type FabricAnswer, sendHttp } from '@app-fabric/scenario';
import { describeWithServers } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';
import { type HoldingInstance, holdingInstance } from './harness/holding-instance.js';

const SETTLE_MS = 20_000;

interface WorkerInTable {
  pid: number;
  serving: boolean;
  revision: number | null;
  connections: number;
}

/** What became of a request; `lost`: its connection broke. */
type Outcome = number | 'lost';

describeWithServers('issue 3: FABRIC_PROXY_WORKERS=2, two worker processes share the port and are one proxy', () => {
  let fabric: Fabric;
  /** Version 1 and version 2 of the app under test. */
  let instances: [HoldingInstance, HoldingInstance];
  let app: string;
  let number = 0;

  beforeAll(async () => {
    fabric = await Fabric.start({ proxies: 1, workers: 2 });
  }, 60_000);

  afterAll(() => fabric?.stop(), 60_000);

  /** An app of two versions whose instances run in the test; version 1 has 100 %. */
  beforeEach(async () => {
    number += 1;
    app = fabric.appName(`workers-${number}`);
    const artifact = { programs: [{ name: 'cart', type: 'service' }] };
    instances = [await holdingInstance('one'), await holdingInstance('two')];
    for (const [index, { url }] of instances.entries()) {
      const version = index + 1;
      await fabric.client.call('PUT', `/namespaces/default/artifacts/${app}/versions/${version}.0.0`, { json: artifact });
      const made = { artifact: { name: app, version: `${version}.0.0` } };
      await fabric.client.call('POST', `/namespaces/default/apps/${app}/versions`, { json: made });
      const path = `/namespaces/default/apps/${app}/versions/${version}/services/cart/instances/${app}-${version}`;
      await fabric.client.call('PUT', path, { json: { url, ttlSeconds: 600 }, wait: 10 });
    }
    await bothServe();
  }, 60_000);

  afterEach(() => {
    for (const instance of instances) instance.close();
  });

  const proxy = () => fabric.proxies[0]!;
  const cart = (path: string) => fabric.cartUrl(app, path);

  async function workers(): Promise<WorkerInTable[]> {
    return (await sendHttp('GET', `${proxy().ready.proxyAdmin}/table`)).body.workers.list;
  }

  /** Two workers serve, and no connection is open. */
  function bothServe(): Promise<WorkerInTable[]> {
    return eventually('two idle workers', SETTLE_MS, async () => {
      const list = await workers();
      return list.length === 2 && list.every(({ serving, connections }) => serving && connections === 0) ? list : undefined;
    });
  }

  function outcome(path: string): Promise<Outcome> {
    return sendHttp('GET', cart(path)).then(
      ({ status }) => status,
      () => 'lost' as const,
    );
  }

  /** Requests that the instance holds, each on a connection of its own. */
  async function hold(count: number, version: 1 | 2 = 1): Promise<Promise<Outcome>[]> {
    const requests: Promise<Outcome>[] = [];
    for (let index = 0; index < count; index += 1) {
      requests.push(outcome(`/${index}`));
      await arrived(index + 1, version);
    }
    return requests;
  }

  function arrived(count: number, version: 1 | 2 = 1): Promise<true> {
    return eventually(`${count} requests are held`, SETTLE_MS, async () => (instances[version - 1]!.held() === count ? true : undefined));
  }

  /** Requests of the app that the proxy shows as counted. */
  async function counted(): Promise<number> {
    const { body } = await sendHttp('GET', `${proxy().ready.proxyAdmin}/metrics`);
    let sum = 0;
    for (const line of String(body).split('\n'))
      if (line.startsWith('http_server_request_duration_seconds_count{') && line.includes(`app="${app}"`))
        sum += Number(line.split(' ').at(-1));
    return sum;
  }

  it('kill -9 of a worker: its connections break, the others finish, new ones are served all the time, and it is replaced', async () => {
    const before = await workers();
    const requests = await hold(8);
    expect((await workers()).map(({ connections }) => connections)).toEqual([4, 4]);
    process.kill(before[0]!.pid, 'SIGKILL');
    await arrived(4);
    expect(await Promise.all(Array.from({ length: 20 }, () => outcome('/now')))).toEqual(Array.from({ length: 20 }, () => 200));
    const after = await eventually('it is replaced', SETTLE_MS, async () => {
      const list = await workers();
      return list.length === 2 && list.every(({ serving }) => serving) ? list : undefined;
    });
    expect(after[0]!.pid).not.toBe(before[0]!.pid);
    expect(after[1]!.pid).toBe(before[1]!.pid);
    instances[0].release(4);
    const outcomes = await Promise.all(requests);
    expect(outcomes.filter((one) => one === 'lost')).toHaveLength(4);
    expect(outcomes.filter((one) => one === 200)).toHaveLength(4);
    expect(proxy().logTail).toContain('a proxy worker has ended');
  }, 60_000);

  it('workers killed one after the other under load: each client loses at most what it had in flight, and nothing hangs', async () => {
    const clients = 8;
    const kills = 3;
    let running = true;
    const outcomes: Outcome[] = [];
    const load = Array.from({ length: clients }, async () => {
      while (running) outcomes.push(await outcome('/now'));
    });
    try {
      for (let kill = 0; kill < kills; kill += 1) {
        const done = outcomes.length;
        await eventually('requests pass', SETTLE_MS, async () => (outcomes.length >= done + 100 ? true : undefined));
        const pid = (await workers()).find(({ serving }) => serving)!.pid;
        process.kill(pid, 'SIGKILL');
        await eventually('it is replaced', SETTLE_MS, async () => {
          const list = await workers();
          return list.length === 2 && list.every((worker) => worker.serving && worker.pid !== pid) ? true : undefined;
        });
      }
    } finally {
      running = false;
      await Promise.all(load);
    }
    expect(new Set(outcomes.filter((one) => one !== 'lost'))).toEqual(new Set([200]));
    expect(outcomes.filter((one) => one === 'lost').length).toBeLessThanOrEqual(clients * kills);
  }, 60_000);

  it('a worker that is replaced while Redis is down routes by what the others have', async () => {
    await fabric.redis.kill();
    const before = await workers();
    process.kill(before[0]!.pid, 'SIGKILL');
    process.kill(before[1]!.pid, 'SIGKILL');
    await eventually('both are replaced', SETTLE_MS, async () => {
      const list = await workers();
      return list.length === 2 && list.every(({ serving, pid }) => serving && !before.some((old) => old.pid === pid)) ? true : undefined;
    });
    expect(await Promise.all(Array.from({ length: 8 }, () => outcome('/now')))).toEqual(Array.from({ length: 8 }, () => 200));
    await fabric.redis.start();
  }, 60_000);

  it('§5 a distribution is applied by all workers before Prefer: wait answers', async () => {
    const agents = [new Agent({ keepAlive: true, maxSockets: 1 }), new Agent({ keepAlive: true, maxSockets: 1 })];
    for (const agent of agents) await versionBy(agent);
    expect((await workers()).map(({ connections }) => connections)).toEqual([1, 1]);
    for (let change = 1; change <= 20; change += 1) {
      const to = (change % 2) + 1;
      const weights = { 1: to === 1 ? 100 : 0, 2: to === 2 ? 100 : 0 };
      const { propagation } = await fabric.client.call('PUT', `/namespaces/default/apps/${app}/distribution`, {
        json: { weights },
        wait: 10,
      });
      expect(propagation).toMatchObject({ proxies: 1, acknowledged: 1, complete: true });
      expect(await Promise.all(agents.map(versionBy))).toEqual([String(to), String(to)]);
    }
    expect((await workers()).map(({ connections }) => connections)).toEqual([1, 1]);
    for (const agent of agents) agent.destroy();
  }, 60_000);

  it('§3 rule 4: a stop waits for the requests in flight of all workers', async () => {
    const requests = await hold(4);
    const service = `/namespaces/default/apps/${app}/versions/1/services/cart`;
    await fabric.client.call('PUT', `/namespaces/default/apps/${app}/distribution`, { json: { weights: { 1: 50, 2: 50 } }, wait: 10 });
    const { runId } = await fabric.client.call('POST', `${service}/stop`, { json: { drainSeconds: 60 }, wait: 0 });
    const status = async () => (await fabric.client.call('GET', `${service}/runs/${runId}`)).status;
    for (const left of [3, 2, 1]) {
      instances[0].release(1);
      await eventually(`${left} are reported`, SETTLE_MS, async () => {
        const { items } = await fabric.client.call('GET', '/proxies');
        return items[0].inFlight === left ? true : undefined;
      });
      expect(await status()).toBe('STOPPING');
    }
    instances[0].release(1);
    await eventually('it is stopped', SETTLE_MS, async () => ((await status()) === 'STOPPED' ? true : undefined));
    expect(await Promise.all(requests)).toEqual([200, 200, 200, 200]);
  }, 60_000);

  it('/metrics is the sum over the workers, and does not fall when one is killed', async () => {
    for (let index = 0; index < 40; index += 1) expect(await outcome('/now')).toBe(200);
    await eventually('all are counted', SETTLE_MS, async () => ((await counted()) === 40 ? true : undefined));
    process.kill((await workers())[0]!.pid, 'SIGKILL');
    await eventually('it is replaced', SETTLE_MS, async () => {
      expect(await counted()).toBe(40);
      return (await workers()).filter(({ serving }) => serving).length === 2 ? true : undefined;
    });
    await bothServe();
    for (let index = 0; index < 20; index += 1) expect(await outcome('/now')).toBe(200);
    await eventually('all are counted', SETTLE_MS, async () => ((await counted()) === 60 ? true : undefined));
    const { body } = await sendHttp('GET', `${proxy().ready.proxyAdmin}/metrics`);
    expect(body).toContain('fabric_proxy_workers 2');
    expect(body).toMatch(/fabric_proxy_worker_exits_total [1-9]/);
  }, 60_000);

  describe('limits hold for the proxy as a whole', () => {
    async function limit(cartLimit: object): Promise<void> {
      const routing = { fallback: 'random', onUnavailable: 'redistribute', limits: { services: { cart: cartLimit } } };
      await fabric.client.call('PUT', `/namespaces/default/apps/${app}`, { json: { routing }, wait: 10 });
    }

    it('requests at once', async () => {
      await limit({ concurrent: 6 });
      const requests = Array.from({ length: 20 }, () => outcome('/held'));
      const refused: Outcome[] = [];
      for (const request of requests) void request.then((one) => refused.push(one));
      await eventually('all but six are refused', SETTLE_MS, async () => (refused.length === 14 ? true : undefined));
      expect(new Set(refused)).toEqual(new Set([429]));
      await arrived(6);
      instances[0].release(6);
      expect((await Promise.all(requests)).filter((one) => one === 200)).toHaveLength(6);
    }, 60_000);

    it('requests a second', async () => {
      await limit({ requestsPerSecond: 1, burst: 10 });
      const startedAt = performance.now();
      const outcomes = await Promise.all(Array.from({ length: 60 }, () => outcome('/now')));
      const most = 10 + (performance.now() - startedAt) / 1_000;
      const passed = outcomes.filter((one) => one === 200).length;
      expect(passed).toBeGreaterThanOrEqual(10);
      expect(passed).toBeLessThanOrEqual(most);
      expect(outcomes.filter((one) => one === 429)).toHaveLength(60 - passed);
    }, 60_000);
  });

  it('SIGTERM: requests in flight of all workers are finished, nothing new is taken, and it ends with 0', async () => {
    const pids = (await workers()).map(({ pid }) => pid);
    const requests = await hold(4);
    const url = cart('/now');
    const ended = proxy().stop();
    await refused(url);
    expect(instances[0].held()).toBe(4);
    instances[0].release(4);
    expect(await Promise.all(requests)).toEqual([200, 200, 200, 200]);
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(pids.filter(isAlive)).toEqual([]);
    await fabric.startProxy(0);
  }, 60_000);

  it('kill -9 of the primary: nobody keeps the port, requests in flight are finished, and no worker is left', async () => {
    const pids = (await workers()).map(({ pid }) => pid);
    const requests = await hold(4);
    const { proxy: url, proxyAdmin } = proxy().ready;
    await proxy().kill();
    await refused(cart('/now'));
    const next = await fabric.startProxy(0, { proxy: new URL(url!).port, admin: new URL(proxyAdmin!).port });
    expect(next.ready.proxy).toBe(url);
    expect(await outcome('/now')).toBe(200);
    instances[0].release(4);
    expect(await Promise.all(requests)).toEqual([200, 200, 200, 200]);
    await eventually('the old workers have ended', SETTLE_MS, async () => (pids.some(isAlive) ? undefined : true));
  }, 60_000);

  it('§5 a start with Redis down serves from the snapshot on disk, with all workers', async () => {
    expect(await proxy().stop()).toEqual({ code: 0, signal: null });
    await fabric.redis.kill();
    await fabric.startProxy(0);
    const ready = await sendHttp('GET', `${proxy().ready.proxyAdmin}/readyz`);
    expect([ready.status, ready.body.source, ready.body.workers.serving]).toEqual([200, 'snapshot', 2]);
    expect(await Promise.all(Array.from({ length: 8 }, () => outcome('/now')))).toEqual(Array.from({ length: 8 }, () => 200));
    await fabric.redis.start();
  }, 60_000);

  function refused(url: string): Promise<true> {
    return eventually('the port is closed', SETTLE_MS, async () => {
      const error = await sendHttp('GET', url).then(
        () => null,
        (reason: NodeJS.ErrnoException) => reason,
      );
      return error?.code === 'ECONNREFUSED' ? true : undefined;
    });
  }

  function versionBy(agent: Agent): Promise<FabricAnswer['headers'][string]> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(cart('/now'), { agent }, (response) => {
        response.resume();
        response.once('end', () => resolve(response.headers['x-app-version']));
      });
      request.once('error', reject);
      request.end();
    });
  }
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
