import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, type FabricAnswer } from '@app-fabric/scenario';
import { describeWithServers } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';
import { type HoldingInstance, holdingInstance } from './harness/holding-instance.js';
import { tarOf } from './harness/tar-of.js';
import { WatchedLoad } from './harness/watched-load.js';

const NS = '/namespaces/default';
const SETTLE_MS = 60_000;

const CART = `
  import { createServer } from 'node:http';
  createServer((request, response) => response.end('ok')).listen(Number(process.env.PORT), '127.0.0.1');
  process.on('SIGTERM', () => process.exit(0));
`;

/** Writes down that it was begun, and is done when it is told so. */
const FLOW = `
  import { appendFileSync, existsSync } from 'node:fs';
  const { folder } = JSON.parse(process.env.FABRIC_CONFIG);
  const mine = folder + '/' + process.env.FABRIC_PROGRAM;
  appendFileSync(mine + '.begun', 'x');
  setInterval(() => existsSync(mine + '.go') && process.exit(0), 20);
`;

describeWithServers('the hooks before a stage, when the control plane is killed in the middle of each', () => {
  let fabric: Fabric;
  let gate: HoldingInstance;
  let folder: string;
  let load: WatchedLoad | undefined;
  const call = (method: string, path: string, json?: unknown, wait?: number): Promise<FabricAnswer['body']> =>
    fabric.client.call(method, path, { ...(json === undefined ? {} : { json }), ...(wait === undefined ? {} : { wait }) });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fabric-hooks-'));
    gate = await holdingInstance('gate');
    fabric = await Fabric.start({ proxies: 1 });
  }, 90_000);
  afterAll(async () => {
    await load?.stop();
    await fabric?.stop();
    gate?.close();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  it('the webhook is delivered again as the same one, each flow goes on and is begun once, whether it ends meanwhile or after; the stage begins only then', async () => {
    const name = fabric.appName('hooked');
    const app = `${NS}/apps/${name}`;
    const programs = [
      { name: 'cart', type: 'service', command: ['node', 'cart.mjs'], healthPath: '/' },
      ...['migrate', 'warm'].map((flow) => ({ name: flow, type: 'flow', command: ['node', 'flow.mjs'] })),
    ];
    await call('PUT', `${NS}/artifacts/hooked/versions/1.0.0`, { programs });
    const raw = await tarOf([
      [{ name: 'cart.mjs' }, CART],
      [{ name: 'flow.mjs' }, FLOW],
    ]);
    await fabric.client.call('PUT', `${NS}/artifacts/hooked/versions/1.0.0/bundle`, { raw, contentType: 'application/gzip' });
    for (const _ of [1, 2]) await call('POST', `${app}/versions`, { artifact: { name: 'hooked', version: '1.0.0' }, config: { folder } });
    await call('POST', `${app}/versions/1/services/cart/start`, {}, 30);
    load = new WatchedLoad([fabric.cartUrl(name, '/orders')], 4, 10);

    const flows = ['migrate', 'warm'].map((flow) => ({ flow, timeout: '5m' }));
    const hooks = { before: [{ webhook: gate.url, timeout: '5s' }, ...flows] };
    const limits = { observe: '1s', stability: { maxErrorRate: 0.2 }, availability: { min: 0.8 }, minRequests: 5 };
    const { id } = await call('POST', `${app}/releases`, {
      candidate: 2,
      plan: { stages: [{ name: 'all', weight: 100, ...limits, hooks }] },
    });
    const weights = async () => (await call('GET', `${app}/distribution`)).weights;
    const begun = (flow: string) => readFile(join(folder, `${flow}.begun`), 'utf8').catch(() => '');
    const go = (flow: string) => writeFile(join(folder, `${flow}.go`), '');
    const untilBegun = (flow: string) =>
      eventually(`flow ${flow} is begun`, SETTLE_MS, async () => (await begun(flow)) !== '' || undefined);

    await eventually('the webhook is called', SETTLE_MS, async () => gate.headers.length === 1 || undefined);
    await fabric.api.kill();
    await fabric.startApi();
    await eventually('the webhook is called again', SETTLE_MS, async () => gate.headers.length === 2 || undefined);
    const [first, again] = gate.headers.map((headers) => headers['x-fabric-delivery']);
    expect([first, again]).toEqual([expect.any(String), first]);
    expect([await begun('migrate'), await weights()]).toEqual(['', { 1: 100, 2: 0 }]);
    gate.release(1);

    await untilBegun('migrate');
    await fabric.api.kill();
    await go('migrate');
    await fabric.startApi();
    await untilBegun('warm');
    await fabric.api.kill();
    await fabric.startApi();
    expect(await weights()).toEqual({ 1: 100, 2: 0 });
    await go('warm');

    const ended = await eventually('the release ends', SETTLE_MS, async () => {
      const found = await call('GET', `${app}/releases/${id}`);
      return ['completed', 'paused', 'zeroed'].includes(found.status) ? found : undefined;
    });
    expect([ended.status, ended.reason]).toEqual(['completed', 'all traffic goes to the candidate']);
    expect([gate.headers.length, await begun('migrate'), await begun('warm')]).toEqual([2, 'x', 'x']);
    const { items } = await call('GET', `${NS}/deliveries?release=${id}`);
    expect(items.map(({ status }: { status: string }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(load.failures()).toEqual([]);
  }, 120_000);
});
