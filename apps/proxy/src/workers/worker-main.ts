import { startTracing } from '@app-fabric/tracing';
import { DEFAULT_SHUTDOWN_GRACE_MS, readTraces } from '../config/read-settings.js';
import { TRACED_PROXY } from '../tracing/traced-proxy.js';
import { runWorker } from './run-worker.js';

// One worker of a proxy, started by its primary and by nobody else. Signals that reach the whole group are the primary's business.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
if (process.send === undefined) {
  process.stderr.write('app-fabric proxy: a worker is started by its proxy; set FABRIC_PROXY_WORKERS\n');
  process.exit(2);
}
await runWorker(DEFAULT_SHUTDOWN_GRACE_MS, (log) => startTracing(readTraces(process.env), TRACED_PROXY, log));
