import type { Socket } from 'node:net';
import { appKey } from '@app-fabric/contracts';
import type { Tracing, TracingLog } from '@app-fabric/tracing';
import { DataPath } from '../data-path.js';
import { NOTHING_ROUTED } from '../request-side.js';
import { readAccepted } from '../table/raw-change.js';
import { type FromWorker, STATE_EVERY_MS, type ToWorker } from './messages.js';

/** After its last words a worker waits no longer than this for them to be sent. */
const LAST_WORDS_MS = 500;

/**
 * Takes requests as the primary says, until it says stop or is gone; then lets what runs finish and exits with 0. What would end a process
 * without a trace is told to the primary first, and ends this one with 1.
 */
export async function runWorker(standardGraceMs: number, startTracing: (log: TracingLog) => Promise<Tracing | null>): Promise<void> {
  let path: DataPath | null = null;
  let graceMs = standardGraceMs;
  let stopping = false;
  let tracing: Tracing | null = null;

  const say = (level: 'info' | 'warn') => (fields: object, text: string) => tell({ type: 'log', level, fields, text });
  const log = { info: say('info'), warn: say('warn') };
  const state = () => {
    if (path !== null) tell({ type: 'state', inFlight: path.inFlight(), connections: path.forwarder.connections });
  };
  const stop = async (withinMs: number) => {
    if (stopping) return;
    stopping = true;
    await path?.close(withinMs);
    if (path !== null) tell({ type: 'frames', frames: await path.frames() });
    tell({ type: 'metrics', metrics: path === null ? [] : await counted(path) }, () => void leave());
    setTimeout(() => void leave(), LAST_WORDS_MS).unref();
  };
  const leave = async () => {
    await tracing?.close();
    process.exit(0);
  };
  const crash = (error: unknown) => {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    tell({ type: 'crashed', reason }, () => process.exit(1));
    setTimeout(() => process.exit(1), LAST_WORDS_MS);
  };

  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  process.once('disconnect', () => void stop(graceMs));
  // What the primary says meanwhile waits: Node keeps messages until somebody listens.
  tracing = await startTracing(log);
  process.on('message', (message: ToWorker, socket?: Socket) => {
    switch (message.type) {
      case 'start':
        path = new DataPath(message.options, { log, tracing });
        path.sink.setShare(message.share);
        graceMs = message.options.shutdownGraceMs ?? graceMs;
        setInterval(state, STATE_EVERY_MS);
        break;
      case 'routes':
        applyRoutes(path!, message);
        tell({ type: 'applied', inFlight: path!.inFlight() });
        break;
      case 'connection':
        // Ours may be closed here without harm: the primary has another descriptor until it hears that this one is in use.
        if (socket !== undefined && path!.forwarder.accept(socket)) tell({ type: 'took', id: message.id });
        else {
          tell({ type: 'refused' });
          socket?.destroy();
        }
        break;
      case 'share':
        path?.sink.setShare(message.share);
        break;
      case 'metrics':
        void counted(path!).then((metrics) => tell({ type: 'metrics', metrics }));
        break;
      case 'frames':
        void path!.frames().then((frames) => tell({ type: 'frames', frames }));
        break;
      case 'stop':
        void stop(message.graceMs);
        break;
    }
  });
}

function applyRoutes(path: DataPath, message: Extract<ToWorker, { type: 'routes' }>): void {
  for (const json of message.put) {
    const document = readAccepted(json);
    path.sink.put(appKey(document.routes.namespace, document.routes.app), document, json);
  }
  for (const key of message.removed) path.sink.remove(key);
  // What standing it is, the primary knows.
  if (message.whole) path.routesChanged(NOTHING_ROUTED, message.hasTable);
}

async function counted(path: DataPath): Promise<object[]> {
  return (await path.metrics()).getMetricsAsJSON();
}

/** The primary may be gone: then there is nobody to tell. */
function tell(message: FromWorker, done: () => void = () => undefined): void {
  if (process.connected) process.send?.(message, undefined, undefined, done);
  else done();
}
