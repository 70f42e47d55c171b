import { eventually, type FabricAnswer, sendHttp } from '@app-fabric/scenario';
import { describeWithServers } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';
import { tarOf } from './harness/tar-of.js';
import { WatchedLoad } from './harness/watched-load.js';

const NS = '/namespaces/default';
const SETTLE_MS = 60_000;

/** Answers 200, and 500 to every request from the `failFrom`-th on. */
const CART = `
  import { createServer } from 'node:http';
  const { failFrom = Infinity } = JSON.parse(process.env.FABRIC_CONFIG);
  let asked = 0;
  createServer((request, response) => {
    const isCheck = request.url === '/healthz';
    if (!isCheck) asked += 1;
    response.writeHead(!isCheck && asked >= failFrom ? 500 : 200).end('ok');
  }).listen(Number(process.env.PORT), '127.0.0.1');
  process.on('SIGTERM', () => process.exit(0));
`;

const STAGE = {
  observe: '2s',
  stability: { maxErrorRate: 0.01 },
  availability: { min: 0.99 },
  minRequests: 30,
  onAnomaly: { moderate: 'zero', severe: 'zero' },
};
const PLAN = {
  stages: [
    { name: 'initial', weight: 5, instances: 1, ...STAGE },
    { name: 'small-scale', weight: 20, instances: 2, ...STAGE },
    { name: 'full', weight: 100, instances: '100%', ...STAGE },
  ],
};

describeWithServers('a canary release, through two real proxies, under constant traffic', () => {
  let fabric: Fabric;
  let app: string;
  let load: WatchedLoad | undefined;

  const call = (method: string, path: string, json?: unknown, wait?: number): Promise<FabricAnswer['body']> =>
    fabric.client.call(method, path, { ...(json === undefined ? {} : { json }), ...(wait === undefined ? {} : { wait }) });
  const newVersion = async (config: object) =>
    (await call('POST', `${app}/versions`, { artifact: { name: 'cart', version: '1.0.0' }, config })).version;
  const instancesOf = async (version: number) =>
    (await call('GET', `${app}/versions/${version}/services/cart/runs`)).items[0].instances.filter(
      ({ status }: { status: string }) => status === 'RUNNING',
    );
  const release = (id: string) => call('GET', `${app}/releases/${id}`);
  const until = (id: string, ...statuses: string[]) =>
    eventually(`the release is ${statuses}`, SETTLE_MS, async () => {
      const found = await release(id);
      return statuses.includes(found.status) ? found : undefined;
    });

  beforeAll(async () => {
    fabric = await Fabric.start({ proxies: 2 });
    const name = fabric.appName('canary');
    app = `${NS}/apps/${name}`;
    const program = { name: 'cart', type: 'service', command: ['node', 'cart.mjs'], healthPath: '/healthz' };
    await call('PUT', `${NS}/artifacts/cart/versions/1.0.0`, { programs: [program] });
    const bundle = { raw: await tarOf([[{ name: 'cart.mjs' }, CART]]), contentType: 'application/gzip' };
    await fabric.client.call('PUT', `${NS}/artifacts/cart/versions/1.0.0/bundle`, bundle);
    await newVersion({});
    await call('POST', `${app}/versions/1/services/cart/start`, { instances: 2 }, 30);
    const urls = [0, 1].map((proxy) => fabric.cartUrl(name, '/orders', proxy));
    load = new WatchedLoad(urls, 8, 10);
  }, 90_000);
  afterAll(async () => {
    await load?.stop();
    await fabric?.stop();
  }, 60_000);

  it('a good one is started, scaled and completed, although the control plane is killed on the way, and no request fails', async () => {
    expect(await newVersion({})).toBe(2);
    const { id } = await call('POST', `${app}/releases`, { candidate: 2, plan: PLAN });
    await eventually('the second stage', SETTLE_MS, async () => ((await release(id)).stage.index === 1 ? true : undefined));
    await fabric.api.kill();
    await fabric.startApi();
    const ended = await until(id, 'completed', 'zeroed', 'paused');
    expect(ended).toMatchObject({ status: 'completed', weight: 100, verdicts: { stability: { verdict: 'pass' } } });
    expect((await call('GET', `${app}/distribution`)).weights).toEqual({ 1: 0, 2: 100 });
    expect([(await instancesOf(1)).length, (await instancesOf(2)).length]).toEqual([2, 2]);
    expect(load!.failures()).toEqual([]);
  }, 90_000);

  it('a bad one is zeroed within seconds, stays to be looked at, and is rolled back and stopped; only its own answers failed', async () => {
    expect(await newVersion({ failFrom: 60 })).toBe(3);
    const from = load!.seen.length;
    const { id } = await call('POST', `${app}/releases`, { candidate: 3, plan: PLAN });
    await until(id, 'zeroed', 'completed', 'paused');
    const zeroed = await eventually('the zeroing is confirmed', SETTLE_MS, async () => {
      const found = await release(id);
      return found.zeroing?.confirmedAt ? found : undefined;
    });
    expect(zeroed).toMatchObject({ status: 'zeroed', weight: 0, verdicts: { stability: { verdict: 'severe' } } });
    const failed = load!.seen.slice(from).filter(({ status }) => status !== 200);
    expect(failed.map(({ status, version }) => `${status} of version ${version}`)).toEqual(failed.map(() => '500 of version 3'));
    const tookMs = Math.round(failed.at(-1)!.sentAtMs - failed[0]!.sentAtMs);
    process.stdout.write(
      `zeroing: ${tookMs} ms from the first request that failed to the last (${failed.length}); from its commit to both proxies ${zeroed.zeroing.tookMs} ms\n`,
    );
    // R6. The aim is 3 s for all, and 100 ms for the zeroing itself.
    expect(tookMs).toBeLessThan(10_000);
    expect(zeroed.zeroing.tookMs).toBeLessThan(10_000);
    // To be looked at: it runs, and answers who asks for it; an instance that had fewer requests than it takes to fail, well.
    expect((await instancesOf(3)).length).toBeGreaterThan(0);
    const { headers } = await sendHttp('GET', fabric.cartUrl(app.split('/').at(-1)!, '/orders', 0, '3'));
    expect([headers['x-app-version'], headers['x-route-reason']]).toEqual(['3', 'pinned']);

    await call('POST', `${app}/releases/${id}/rollback`, { reason: 'seen enough' });
    await until(id, 'rolled_back');
    expect((await call('GET', `${app}/distribution`)).weights).toEqual({ 1: 0, 2: 100 });
    expect((await call('GET', `${app}/versions/3/services/cart/runs`)).items[0].status).toBe('STOPPED');
    expect(load!.failures().filter(({ version }) => version !== '3')).toEqual([]);
  }, 90_000);
});
