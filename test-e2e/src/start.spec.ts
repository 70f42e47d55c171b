import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FabricClient, SAMPLE_SERVICE, Shop, sendHttp } from '@app-fabric/scenario';
import { Program } from './harness/program.js';
import { killProcessesOf, processesOf } from './harness/program-processes.js';

const MAIN = 'apps/standalone/dist/main.js';

describe('npm start', () => {
  /** An embedded database as a first start leaves it: making one takes seconds of computing, which one test does for all. */
  let made: string;
  let folder: string;
  let settings: Record<string, string>;
  const app = `start-${process.pid}`;

  beforeAll(async () => {
    made = await mkdtemp(join(tmpdir(), 'fabric-made-'));
  });

  afterAll(() => rm(made, { recursive: true, force: true }));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fabric-start-'));
    await cp(made, folder, { recursive: true });
    settings = {
      FABRIC_DATA_DIR: folder,
      FABRIC_API_PORT: '0',
      FABRIC_PROXY_PORT: '0',
      FABRIC_PROXY_ADMIN_PORT: '0',
      FABRIC_LOG_LEVEL: 'warn',
    };
  });

  afterEach(async () => {
    await killProcessesOf(app);
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  });

  it('§1 prints one ready line, serves API and proxy, keeps its state over a restart, and ends with 0', async () => {
    const first = await Program.start('start', MAIN, settings);
    try {
      const tokenFile = join(folder, 'admin-token');
      expect((await stat(tokenFile)).mode & 0o777).toBe(0o600);
      const token = (await readFile(tokenFile, 'utf8')).trim();
      expect(first.logTail).toContain(tokenFile);
      expect(first.logTail).toContain(`${first.ready.api}/docs`);
      expect(first.logTail).toContain('curl');
      expect(first.logTail).not.toContain(token);
      const shop = new Shop(new FabricClient(first.ready.api!, token), 'default', app, 20);
      await shop.uploadArtifact('1.0.0');
      await shop.start(await shop.createVersion('1.0.0'), 'services', SAMPLE_SERVICE);
      const url = `${first.ready.proxy}/namespaces/default/apps/${app}/services/${SAMPLE_SERVICE}/methods/total?prices=7`;
      expect((await sendHttp('GET', url)).body).toMatchObject({ version: 1, total: 7 });
      expect((await sendHttp('GET', `${first.ready.proxyAdmin}/readyz`)).status).toBe(200);
      expect(await first.stop()).toEqual({ code: 0, signal: null });
      expect(await processesOf(app)).toEqual([]);
      await cp(join(folder, 'postgres'), join(made, 'postgres'), { recursive: true });

      const second = await Program.start('start again', MAIN, settings);
      try {
        const again = new FabricClient(second.ready.api!, token);
        const versions = await again.call('GET', `/namespaces/default/apps/${app}/versions`);
        expect(versions.items.map(({ version }: { version: number }) => version)).toEqual([1]);
        expect(second.logTail).not.toContain('curl');
      } finally {
        expect((await second.stop()).code).toBe(0);
      }
    } finally {
      await first.stop();
    }
  }, 120_000);

  it('§2 FABRIC_PROXY_WORKERS: its proxy has workers of its own, which end with it', async () => {
    const program = await Program.start('start', MAIN, { ...settings, FABRIC_PROXY_WORKERS: '2' });
    // The copied database knows the other app.
    const other = `${app}-workers`;
    try {
      const token = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
      const shop = new Shop(new FabricClient(program.ready.api!, token), 'default', other, 20);
      await shop.uploadArtifact('1.0.0');
      const path = shop.programPath(await shop.createVersion('1.0.0'), 'services', SAMPLE_SERVICE);
      const run = await shop.client.call('POST', `${path}/start`, { json: {}, wait: 60 });
      expect(run).toMatchObject({ status: 'RUNNING', propagation: { proxies: 1, complete: true } });
      const url = `${program.ready.proxy}/namespaces/default/apps/${other}/services/${SAMPLE_SERVICE}/methods/total?prices=7`;
      const answers = await Promise.all(Array.from({ length: 8 }, () => sendHttp('GET', url)));
      expect(answers.map(({ body }) => body.total ?? body)).toEqual(Array.from({ length: 8 }, () => 7));
      const ready = await sendHttp('GET', `${program.ready.proxyAdmin}/readyz`);
      expect([ready.status, ready.body.workers.serving]).toEqual([200, 2]);
      const pids = ready.body.workers.list.map(({ pid }: { pid: number }) => pid);
      expect(await program.stop()).toEqual({ code: 0, signal: null });
      for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    } finally {
      await program.stop();
      await killProcessesOf(other);
    }
  }, 120_000);

  it('says clearly that another one runs on the same folder, and ends with 1', async () => {
    const first = await Program.start('start', MAIN, settings);
    try {
      const second = Program.spawn('second', MAIN, settings);
      expect(await second.exited).toEqual({ code: 1, signal: null });
      expect(second.logTail).toContain(`process ${first.pid}`);
      expect(second.logTail).toContain(folder);
      expect((await sendHttp('GET', `${first.ready.api}/readyz`)).status).toBe(200);
    } finally {
      expect((await first.stop()).code).toBe(0);
    }
  }, 60_000);

  it('§1 SIGTERM to npm ends the program behind it: npm ends with 0, nothing serves any more, the folder is free', async () => {
    const byNpm = await Program.startByNpm('start', settings);
    try {
      expect(await byNpm.stop()).toEqual({ code: 0, signal: null });
      await expect(sendHttp('GET', `${byNpm.ready.api}/healthz`)).rejects.toThrow();
      const next = await Program.start('next', MAIN, settings);
      expect((await next.stop()).code).toBe(0);
    } finally {
      byNpm.killGroup();
    }
  }, 120_000);

  it('§1 state is kept in .fabric: starts again after SIGKILL', async () => {
    const first = await Program.start('start', MAIN, settings);
    await first.kill();
    const second = await Program.start('start again', MAIN, settings);
    expect((await second.stop()).code).toBe(0);
  }, 60_000);

  const badSettings: [name: string, value: string][] = [
    ['FABRIC_API_PORT', '70000'],
    ['FABRIC_PROXY_PORT', 'http'],
    ['FABRIC_LOG_LEVEL', 'loud'],
    ['FABRIC_ADMIN_TOKEN', 'two words'],
    ['REDIS_URL', 'http://127.0.0.1'],
  ];
  for (const [name, value] of badSettings) {
    it(`§2 names a bad ${name} and ends with 2`, async () => {
      const program = Program.spawn('bad settings', MAIN, { ...settings, [name]: value });
      expect(await program.exited).toEqual({ code: 2, signal: null });
      expect(program.logTail).toContain(name);
    }, 60_000);
  }

  it('ends with 1 when a port is taken, and leaves the folder to the next', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const program = Program.spawn('no port', MAIN, { ...settings, FABRIC_PROXY_PORT: String(port) });
    expect((await program.exited).code).toBe(1);
    expect(program.logTail).toContain(String(port));
    other.close();
    const next = await Program.start('next', MAIN, settings);
    expect((await next.stop()).code).toBe(0);
  }, 60_000);
});
