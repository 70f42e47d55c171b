import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { RouteDocument } from '@app-fabric/contracts';
import { renderSnapshot } from '../table/testing/render-snapshot.js';
import { cleanups } from './proxy-bench.js';

/** The compiled program, as `npm run proxy` starts it; `npm test` has compiled it. */
const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface ProxyProgram {
  proxyUrl: string;
  adminUrl: string;
  child: ChildProcess;
  /** Exit code and signal. */
  exited: Promise<[number | null, NodeJS.Signals | null]>;
}

/** The real program, without a Redis, routing by a snapshot on its disk. Ended by `cleanUp`. */
export async function startProgram(documents: RouteDocument[], settings: Record<string, string> = {}): Promise<ProxyProgram> {
  const dataDir = await mkdtemp(join(tmpdir(), 'fabric-proxy-'));
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
  await writeFile(
    join(dataDir, 'proxy-snapshot.json'),
    renderSnapshot({ epoch: 'e1', revision: 1, documents: documents.map((one) => ({ json: JSON.stringify(one) })) }),
  );
  const child = spawn(process.execPath, [program], {
    env: {
      PATH: process.env.PATH,
      REDIS_URL: 'redis://127.0.0.1:1',
      FABRIC_PROXY_PORT: '0',
      FABRIC_PROXY_ADMIN_PORT: '0',
      FABRIC_DATA_DIR: dataDir,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = once(child, 'exit') as ProxyProgram['exited'];
  cleanups.push(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const ready = JSON.parse(line) as { proxy: string; proxyAdmin: string };
  return { proxyUrl: ready.proxy, adminUrl: ready.proxyAdmin, child, exited };
}
