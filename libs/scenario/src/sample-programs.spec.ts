import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { sendHttp } from './fabric-client.js';
import { sampleTotal } from './sample-bundle.js';

const FOLDER = fileURLToPath(new URL('../sample/', import.meta.url));
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Starts the program as the process runtime would, and waits for its first line. */
async function start(file: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [file], {
    cwd: FOLDER,
    env: { FABRIC_VERSION: '3', FABRIC_ARTIFACT_VERSION: '1.0.0', FABRIC_INSTANCE_ID: 'i-1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const exited = once(child, 'exit');
  const lines = createInterface(child.stdout);
  const [first] = (await once(lines, 'line')) as [string];
  return { child, exited, lines, first: JSON.parse(first) };
}

async function startCart() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return { ...(await start('cart.mjs', { PORT: String(port) })), url: `http://127.0.0.1:${port}` };
}

describe('sample programs', () => {
  it('cart answers with its version, its instance and a total', async () => {
    const { url } = await startCart();
    expect((await sendHttp('GET', `${url}/healthz`)).status).toBe(200);
    const { body } = await sendHttp('GET', `${url}/total?prices=100,255`);
    expect(body).toEqual({ version: 3, artifactVersion: '1.0.0', instance: 'i-1', total: sampleTotal('1.0.0', [100, 255]) });
    const echoed = await sendHttp('PUT', `${url}/items?a=%2F`, { raw: 'ä', contentType: 'text/plain' });
    expect(echoed.body).toMatchObject({ method: 'PUT', url: '/items?a=%2F', body: 'ä' });
    expect((await sendHttp('GET', `${url}/else`)).status).toBe(404);
  });

  it('cart finishes what is in flight after SIGTERM, takes nothing new, and exits with 0', async () => {
    const { url, child, exited, lines } = await startCart();
    const slow = sendHttp('GET', `${url}/slow?ms=500`);
    // A second connection's answer shows that the first one's request was read.
    await sendHttp('GET', `${url}/healthz`);
    child.kill('SIGTERM');
    await once(lines, 'line');
    await expect(sendHttp('GET', `${url}/healthz`)).rejects.toThrow('ECONNREFUSED');
    expect((await slow).status).toBe(200);
    expect(await exited).toEqual([0, null]);
  });

  it('mailer works until SIGTERM, and exits with 0', async () => {
    const { first, child, exited, lines } = await start('mailer.mjs');
    expect(first).toMatchObject({ program: 'mailer', version: 3, message: 'started' });
    const [tick] = (await once(lines, 'line')) as [string];
    expect(JSON.parse(tick).message).toBe('tick 1');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  it('rebuild does its work and exits with 0', async () => {
    const { first, exited } = await start('rebuild.mjs');
    expect(first).toMatchObject({ program: 'rebuild', version: 3, entries: 10_000 });
    expect(await exited).toEqual([0, null]);
  });
});
