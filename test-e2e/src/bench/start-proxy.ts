import { connectRedisPublisher, type PublisherBus } from '@app-fabric/bus';
import type { AppRoutes } from '@app-fabric/routing';
import { eventually, sendHttp } from '@app-fabric/scenario';
import { freePort } from '../harness/free-port.js';
import { Program } from '../harness/program.js';
import { untilListening } from './forwarding/listening.js';
import { findProgram, LOAD_CPU, PROXY_CPU, pinnedTo, type Workbench } from './workbench.js';

/** What the stored routes begin with. */
export const EPOCH = 'bench';
export const FIRST_REVISION = 1;
const LOAD_TIMEOUT_MS = 60_000;
/** As `npm run proxy` has them. */
const NODE_OPTIONS = '--max-semi-space-size=2';

export interface MeasuredProxy {
  pid: number;
  proxyUrl: string;
  /** Where further changes can be published, after {@link FIRST_REVISION}. */
  publisher: PublisherBus;
  /** From the start of the process until it routes by all that is stored. */
  startMs: number;
}

/** A Redis of its own, not on the measured core, in which `apps` are stored (at the first revision). */
export async function storeRoutes(
  bench: Workbench,
  apps: readonly AppRoutes[],
): Promise<{ url: string; folder: string; publisher: PublisherBus }> {
  const port = await freePort();
  const folder = await bench.subfolder(`fabric-${port}`);
  const redis = findProgram('redis-server');
  if (redis === null)
    throw new Error('the proxy is fed by a Redis, and redis-server is not installed (Debian: apt-get install redis-server)');
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  await bench.startServer({ name: 'Redis', program: redis, args, cpu: LOAD_CPU }, () => untilListening([port]));
  const url = `redis://127.0.0.1:${port}`;
  const publisher = await connectRedisPublisher({ url });
  bench.onClose(() => publisher.close());
  const documents = apps.map((routes) => ({ format: 1 as const, revision: FIRST_REVISION, routes }));
  if (!(await publisher.replaceAll({ epoch: EPOCH, revision: FIRST_REVISION, documents }, null)))
    throw new Error('the routes could not be published');

  return { url, folder, publisher };
}

/** The proxy's program as `npm run proxy` runs it, on the measured core, with `apps` stored as {@link storeRoutes} does. */
export async function startProxy(
  bench: Workbench,
  apps: readonly AppRoutes[],
  extraSettings: Record<string, string> = {},
): Promise<MeasuredProxy> {
  const { url, folder, publisher } = await storeRoutes(bench, apps);
  const settings = {
    NODE_OPTIONS,
    REDIS_URL: url,
    FABRIC_PROXY_PORT: '0',
    FABRIC_PROXY_ADMIN_PORT: '0',
    FABRIC_DATA_DIR: folder,
    ...extraSettings,
  };
  const startedAt = performance.now();
  const program = Program.spawn('proxy', 'apps/proxy/dist/main.js', settings, pinnedTo(PROXY_CPU));
  bench.onClose(() => program.stop());
  const ready = await program.readyLine();
  // It listens; whether it has read its table is another matter.
  await eventually('the proxy has its table', LOAD_TIMEOUT_MS, async () =>
    (await sendHttp('GET', `${ready.proxyAdmin}/readyz`)).status === 200 ? true : undefined,
  );
  return { pid: program.pid, proxyUrl: ready.proxy!, publisher, startMs: performance.now() - startedAt };
}
