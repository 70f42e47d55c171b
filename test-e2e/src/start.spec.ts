import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, FabricClient, SAMPLE_SERVICE, Shop, sendHttp } from '@app-fabric/scenario';
import { Program } from './harness/program.js';
import { killProcessesOf, processesOf } from './harness/program-processes.js';

const MAIN = 'apps/standalone/dist/main.js';

describe('npm start', () => {
  /** The data folder as a first start leaves it: making the database takes seconds of computing, which the first test does for all. */
  let made: string;
  let folder: string;
  let settings: Record<string, string>;
  const app = `start-${process.pid}`;

  beforeAll(async () => {
    made = await mkdtemp(join(tmpdir(), 'fabric-made-'));
  });

  afterAll(() => rm(made, { recursive: true, force: true }));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fabric start's "));
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

  const readToken = async () => (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
  const cartUrl = (proxy: string) => `${proxy}/namespaces/default/apps/${app}/services/${SAMPLE_SERVICE}/methods/total?prices=7`;

  it('§1 prints one ready line, serves API and proxy, and ends with 0', async () => {
    const program = await Program.start('start', MAIN, settings);
    try {
      const tokenFile = join(folder, 'admin-token');
      expect((await stat(tokenFile)).mode & 0o777).toBe(0o600);
      const token = await readToken();
      expect(program.logTail).toContain(tokenFile);
      expect(program.logTail).toContain(`${program.ready.api}/docs`);
      expect(program.logTail).not.toContain(token);
      // The call that it proposes, typed as it stands there; the folder's name has a space and a quote.
      const proposed = /^ {2}curl (.*)$/m.exec(program.logTail)?.[1] ?? '';
      const words = spawnSync('sh', ['-c', `printf '%s\\n' ${proposed}`], { encoding: 'utf8' });
      expect(words.stdout.split('\n')).toEqual(['-H', `Authorization: Bearer ${token}`, `${program.ready.api}/v1/namespaces/default`, '']);
      const shop = new Shop(new FabricClient(program.ready.api!, token), 'default', app, 20);
      await shop.uploadArtifact('1.0.0');
      await shop.start(await shop.createVersion('1.0.0'), 'services', SAMPLE_SERVICE);
      expect((await sendHttp('GET', cartUrl(program.ready.proxy!))).body).toMatchObject({ version: 1, total: 7 });
      expect((await sendHttp('GET', `${program.ready.proxyAdmin}/readyz`)).status).toBe(200);
      expect(await program.stop()).toEqual({ code: 0, signal: null });
      expect(await processesOf(app)).toEqual([]);
      await cp(folder, made, { recursive: true });
    } finally {
      await program.stop();
    }
  }, 120_000);

  it('§1 state is kept over a restart; §2 FABRIC_PROXY_WORKERS: its proxy has workers of its own, which end with it', async () => {
    const program = await Program.start('start again', MAIN, { ...settings, FABRIC_PROXY_WORKERS: '2' });
    try {
      expect(program.logTail).not.toContain('curl');
      const shop = new Shop(new FabricClient(program.ready.api!, await readToken()), 'default', app, 20);
      const { items } = await shop.client.call('GET', `${shop.appPath}/versions`);
      expect(items.map(({ version }: { version: number }) => version)).toEqual([1]);
      // What ran when it was stopped runs again.
      await eventually('both workers route to the program', 30_000, async () => {
        const answers = await Promise.all(Array.from({ length: 8 }, () => sendHttp('GET', cartUrl(program.ready.proxy!))));
        return answers.every(({ body }) => body.total === 7) || undefined;
      });
      const ready = await sendHttp('GET', `${program.ready.proxyAdmin}/readyz`);
      expect([ready.status, ready.body.workers.serving]).toEqual([200, 2]);
      const pids = ready.body.workers.list.map(({ pid }: { pid: number }) => pid);
      expect(await program.stop()).toEqual({ code: 0, signal: null });
      for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    } finally {
      await program.stop();
    }
  }, 120_000);

  it('says clearly that another one runs on the same folder, and ends with 1; §1 starts again after SIGKILL of that one', async () => {
    const first = await Program.start('start', MAIN, settings);
    try {
      const second = Program.spawn('second', MAIN, settings);
      expect(await second.exited).toEqual({ code: 1, signal: null });
      expect(second.logTail).toContain(`process ${first.pid}`);
      expect(second.logTail).toContain(folder);
      expect((await sendHttp('GET', `${first.ready.api}/readyz`)).status).toBe(200);
    } finally {
      await first.kill();
    }
    const third = await Program.start('start again', MAIN, settings);
    expect((await third.stop()).code).toBe(0);
  }, 120_000);

  it('§1 SIGTERM to npm ends the program behind it: npm ends with 0, nothing serves any more, the folder is free', async () => {
    const byNpm = await Program.startByNpm('start', settings);
    try {
      expect(await byNpm.stop()).toEqual({ code: 0, signal: null });
      await expect(sendHttp('GET', `${byNpm.ready.api}/healthz`)).rejects.toThrow();
      expect(await readdir(folder)).not.toContain('lock');
    } finally {
      byNpm.killGroup();
    }
  }, 120_000);

  it('§1 SIGTERM while it is still starting ends it with 0, and the folder is free', async () => {
    const program = Program.spawn('start', MAIN, settings);
    await eventually('it has the folder', 30_000, async () => (await readdir(folder)).includes('lock') || undefined);
    expect(await program.stop()).toEqual({ code: 0, signal: null });
    expect(await readdir(folder)).not.toContain('lock');
  }, 60_000);

  /** One of the API's and one of the proxy's; the others have unit tests. */
  const badSettings: [name: string, value: string][] = [
    ['FABRIC_API_PORT', '70000'],
    ['FABRIC_PROXY_PORT', 'http'],
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
    expect(await readdir(folder)).not.toContain('lock');
  }, 60_000);

  it('§2 names a FABRIC_DATA_DIR that cannot be used, and why, and ends with 1', async () => {
    const file = join(folder, 'a file');
    await writeFile(file, '');
    const program = Program.spawn('no folder', MAIN, { ...settings, FABRIC_DATA_DIR: join(file, 'data') });
    expect(await program.exited).toEqual({ code: 1, signal: null });
    expect(program.logTail).toMatch(/FABRIC_DATA_DIR/);
    expect(program.logTail).toMatch(/not a directory/);
  }, 60_000);
});
