import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The compiled program, as `npm run proxy` starts it; `npm test` has compiled it. */
const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
/** Nobody listens there: a start without Redis. */
const REDIS_URL = 'redis://127.0.0.1:1';
const PORTS = { FABRIC_PROXY_PORT: '0', FABRIC_PROXY_ADMIN_PORT: '0', FABRIC_DATA_DIR: '/dev/null/none' };

/** Node options that send the program a SIGTERM at the moment when it asks for that module of its own. */
function sigtermWhenLoading(module: string): string[] {
  const hook = `export const resolve = (name, context, next) => {
    if (name.endsWith('/${module}')) process.kill(process.pid, 'SIGTERM');
    return next(name, context);
  };`;
  const register = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});`;
  return ['--import', `data:text/javascript,${encodeURIComponent(register)}`];
}

function start(settings: Record<string, string>, nodeOptions: string[] = []) {
  const child = spawn(process.execPath, [...nodeOptions, program], {
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const exited = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  return { child, exited, errors: () => errors };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('the condition was not met in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('npm run proxy', () => {
  const bad: [string, Record<string, string>][] = [
    ['REDIS_URL', {}],
    ['FABRIC_PROXY_PORT', { REDIS_URL, FABRIC_PROXY_PORT: 'x' }],
    ['FABRIC_PROXY_WORKERS', { REDIS_URL, FABRIC_PROXY_WORKERS: '0' }],
  ];
  for (const [name, settings] of bad) {
    it(`CONTRACT §2: a bad ${name} is named and the program exits 2`, async () => {
      const { exited, errors } = start(settings);
      expect(await exited).toEqual([2, null]);
      expect(errors()).toContain(name);
    });
  }

  it('CONTRACT §1: one JSON line with the addresses that it serves on standard output, JSON lines on standard error, SIGTERM exits 0', async () => {
    const { child, exited, errors } = start({
      REDIS_URL,
      ...PORTS,
    });
    const lines: string[] = [];
    const output = createInterface({ input: child.stdout });
    output.on('line', (line) => lines.push(line));
    await once(output, 'line');
    const ready = JSON.parse(lines[0] ?? '') as Record<string, string>;
    expect(Object.keys(ready)).toEqual(['event', 'proxy', 'proxyAdmin']);
    expect((await fetch(`${ready.proxyAdmin}/healthz`)).status).toBe(200);
    const refused = await fetch(`${ready.proxy}/namespaces/default/apps/a/services/s/methods/x`);
    expect([refused.status, await refused.json()]).toEqual([503, expect.objectContaining({ code: 'not_ready' })]);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(lines).toHaveLength(1);
    for (const line of errors().trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ program: 'proxy', level: expect.any(Number) });
    expect(errors()).not.toMatch(/deprecat/i);
  });

  it('issue 3: workers that end at their start, again and again, leave it not ready, with rests in between; SIGTERM exits 0', async () => {
    const adminPort = await freePort();
    const endsWorkers = ['--import', `data:text/javascript,${encodeURIComponent('if (process.send) process.exit(7)')}`];
    const settings = { ...PORTS, REDIS_URL, FABRIC_PROXY_WORKERS: '2', FABRIC_PROXY_ADMIN_PORT: String(adminPort) };
    const { child, exited, errors } = start(settings, endsWorkers);
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const ended = () =>
      errors()
        .split('\n')
        .filter((line) => line.includes('a proxy worker has ended'))
        .map((line) => JSON.parse(line) as { worker: number; code: number; restartInMs: number });
    await until(() => ended().length >= 6);
    for (const worker of [0, 1]) {
      const rests = ended().filter((one) => one.worker === worker);
      expect(rests.slice(0, 2).map(({ code, restartInMs }) => [code, restartInMs])).toEqual([
        [7, 250],
        [7, 500],
      ]);
    }
    const ready = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([
      503,
      expect.objectContaining({ workers: { wanted: 2, serving: 0, waiting: 0, list: expect.any(Array) } }),
    ]);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(said).toBe('');
  });

  it('CONTRACT §1: a SIGTERM that comes while the program is still being loaded ends it with 0', async () => {
    const { exited, errors } = start({ ...PORTS, REDIS_URL }, sigtermWhenLoading('start-proxy.js'));
    expect([await exited, errors()]).toEqual([[0, null], expect.stringContaining('stopping')]);
  });
});
