import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, type FabricAnswer, type ProgramKind, Shop, sendHttp } from '@app-fabric/scenario';
import { describeWithServers } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';
import { killProcessesOf, processesOf } from './harness/program-processes.js';
import { tarOf } from './harness/tar-of.js';

const SETTLE_MS = 60_000;

/** Ends by itself as soon as the file is there that CRASH names for its version, and at each start from then on. */
const CART = `
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
const crash = () => { if (existsSync(process.env.CRASH + '-' + process.env.FABRIC_VERSION)) process.exit(7); };
crash();
setInterval(crash, 10);
createServer((request, response) => response.end('cart of ' + process.env.FABRIC_VERSION)).listen(Number(process.env.PORT), '127.0.0.1');
`;
/** Does not hear SIGTERM, and neither does its child. */
const STUBBORN = `
import { spawn } from 'node:child_process';
process.on('SIGTERM', () => console.log('no'));
if (!process.argv[2]) spawn(process.execPath, [process.argv[1], 'child'], { stdio: 'inherit' });
else console.log('child is here');
setInterval(() => {}, 1000);
`;
const FLOW = `
console.log('first line');
console.error('second line');
process.exitCode = Number(process.env.EXIT ?? 0);
`;

describeWithServers('programs on real processes', () => {
  let fabric: Fabric;
  let shop: Shop;
  let crashFile: string;

  beforeAll(async () => {
    fabric = await Fabric.start({ proxies: 1 });
  }, 60_000);

  afterAll(async () => {
    const exits = await fabric?.stop();
    // §1: SIGTERM ends every program cleanly.
    expect(exits.map(({ code }) => code)).toEqual([0, 0]);
  }, 60_000);

  afterEach(() => rm(`${crashFile}-2`, { force: true }));

  beforeEach(async () => {
    shop = fabric.shop(`runtime-${Math.random().toString(36).slice(2, 8)}`);
    crashFile = join(tmpdir(), `fabric-e2e-crash-${fabric.suffix}-${shop.app}`);
    const artifact = `/namespaces/default/artifacts/${shop.app}/versions/1.0.0`;
    const programs = [
      { name: 'cart', type: 'service', command: ['node', 'cart.mjs'], env: { CRASH: crashFile } },
      { name: 'stubborn', type: 'worker', command: ['node', 'stubborn.mjs'] },
      { name: 'good', type: 'flow', command: ['node', 'flow.mjs'] },
      { name: 'bad', type: 'flow', command: ['node', 'flow.mjs'], env: { EXIT: '3' } },
      { name: 'long', type: 'flow', command: ['node', '-e', 'console.log("begun"); setInterval(() => {}, 1000)'] },
      { name: 'nothing', type: 'flow', command: ['there-is-no-such-program'] },
    ];
    const bundle = await tarOf([
      [{ name: 'cart.mjs' }, CART],
      [{ name: 'stubborn.mjs' }, STUBBORN],
      [{ name: 'flow.mjs' }, FLOW],
    ]);
    await shop.client.call('PUT', artifact, { json: { programs } });
    await shop.client.call('PUT', `${artifact}/bundle`, { raw: bundle, contentType: 'application/gzip' });
    for (let version = 1; version <= 2; version++)
      await shop.client.call('POST', `${shop.appPath}/versions`, { json: { artifact: { name: shop.app, version: '1.0.0' } } });
  }, 60_000);

  /** Starts it and waits for `status`. */
  async function run(version: number, kind: ProgramKind, name: string, status: string): Promise<FabricAnswer['body']> {
    const path = shop.programPath(version, kind, name);
    const { runId } = await shop.client.call('POST', `${path}/start`, { json: {}, wait: 20 });
    return becomes(path, runId, status);
  }

  function becomes(path: string, runId: string, status: string): Promise<FabricAnswer['body']> {
    return eventually(`${path} ${status}`, SETTLE_MS, async () => {
      const found = await shop.client.call('GET', `${path}/runs/${runId}`);
      return found.status === status ? found : undefined;
    });
  }

  it('§3 a crash restarts an instance; too many in a row make the run FAILED, and its share goes to the others', async () => {
    await run(1, 'services', 'cart', 'RUNNING');
    const second = await run(2, 'services', 'cart', 'RUNNING');
    await shop.shift({ 1: 90, 2: 10 }, 'first step');
    await writeFile(`${crashFile}-2`, '');
    const failed = await becomes(shop.programPath(2, 'services', 'cart'), second.runId, 'FAILED');
    expect(failed).toMatchObject({ exit: { code: 7 }, instances: [] });
    expect(failed.error).toContain('6 times in a row');
    const { weights } = await shop.distribution();
    expect(weights).toEqual({ 1: 100 });
    const { items } = await shop.client.call('GET', `${shop.appPath}/distribution/history`);
    expect(items[0]).toMatchObject({ source: 'failure', updatedBy: 'system', weights: { 1: 100 } });
    expect(items[0].reason).toContain('version 2');
    for (let request = 0; request < 20; request++) {
      const answer = await sendHttp('GET', fabric.cartUrl(shop.app, '/'));
      expect([answer.status, answer.body]).toEqual([200, 'cart of 1']);
    }
    expect((await sendHttp('GET', fabric.cartUrl(shop.app, '/', 0, '2'))).body).toMatchObject({ code: 'version_unavailable' });
  }, 120_000);

  it('§3 stop is SIGTERM, then SIGKILL: KILLED, and of its children nothing is left', async () => {
    const path = shop.programPath(1, 'workers', 'stubborn');
    const { runId } = await run(1, 'workers', 'stubborn', 'RUNNING');
    const lines = async (): Promise<string[]> =>
      (await shop.client.call('GET', `${path}/runs/${runId}/logs`)).items.map(({ line }: { line: string }) => line);
    await eventually('its child has begun', SETTLE_MS, async () => ((await lines()).includes('child is here') ? true : undefined));
    expect(await processesOf(shop.app)).toHaveLength(2);
    await shop.client.call('POST', `${path}/stop`, { json: { drainSeconds: 0 }, wait: 0 });
    const killed = await becomes(path, runId, 'KILLED');
    expect(killed.stoppedAt).not.toBeNull();
    expect(await processesOf(shop.app)).toEqual([]);
    // Both heard SIGTERM, and neither went.
    expect((await lines()).filter((line) => line === 'no')).toHaveLength(2);
  }, 120_000);

  it('§3 a flow that ends is COMPLETED, one that ends with another code than 0 is FAILED, each with its exit', async () => {
    const good = await run(1, 'flows', 'good', 'COMPLETED');
    expect(good).toMatchObject({ exit: { code: 0 }, instances: [] });
    const bad = await run(1, 'flows', 'bad', 'FAILED');
    expect(bad).toMatchObject({ exit: { code: 3 }, instances: [] });
    const nothing = await run(1, 'flows', 'nothing', 'FAILED');
    expect(nothing.error).toContain('there-is-no-such-program');
    expect(await processesOf(shop.app)).toEqual([]);
  }, 120_000);

  it('§3 a flow that is killed while no control plane is there is FAILED, and not begun again', async () => {
    const { runId } = await run(1, 'flows', 'long', 'RUNNING');
    await eventually('it has begun', SETTLE_MS, async () => ((await processesOf(shop.app)).length === 2 ? true : undefined));
    await fabric.api.kill();
    await killProcessesOf(shop.app);
    await fabric.startApi();
    shop = new Shop(fabric.client, 'default', shop.app, 20);
    const path = shop.programPath(1, 'flows', 'long');
    expect(await becomes(path, runId, 'FAILED')).toMatchObject({ exit: { code: null }, error: 'ended while nobody saw how' });
    const { items } = await shop.client.call('GET', `${path}/runs/${runId}/logs`);
    expect(items.filter(({ line }: { line: string }) => line === 'begun')).toHaveLength(1);
    expect(await processesOf(shop.app)).toEqual([]);
  }, 120_000);

  it('§3 logs of a run are read back with their stream, the last lines only, and followed to their end', async () => {
    const { runId } = await run(1, 'flows', 'good', 'COMPLETED');
    const logs = `${shop.programPath(1, 'flows', 'good')}/runs/${runId}/logs`;
    const lines = await eventually('both lines', SETTLE_MS, async () => {
      const { items } = await shop.client.call('GET', logs);
      const said = items.filter(({ stream }: { stream: string }) => stream !== 'system');
      return said.length === 2 ? said : undefined;
    });
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ stream: 'stdout', line: 'first line' }),
        expect.objectContaining({ stream: 'stderr', line: 'second line' }),
      ]),
    );
    expect((await shop.client.call('GET', `${logs}?tail=1`)).items).toHaveLength(1);
    // The run has ended: so does the answer to who follows it.
    const followed = await shop.client.call('GET', `${logs}?follow=true`);
    expect(followed.split('\n').filter(Boolean).length).toBeGreaterThanOrEqual(2);
    expect((await shop.client.send('GET', `${logs}?tail=many`)).body).toMatchObject({ status: 400, code: 'validation_failed' });
  }, 120_000);
});
