import { connectRedisSubscriber } from '@app-fabric/bus';
import { alsoTo, startLogExport, startTracing } from '@app-fabric/tracing';
import { pino } from 'pino';
import { readSettings, type Settings, SettingsError } from './config/read-settings.js';
import { startProxy } from './start-proxy.js';
import { TRACED_PROXY } from './tracing/traced-proxy.js';

const BUS_CLOSE_MS = 1_000;
/** Of log lines that nobody reads; more are dropped. */
const MAX_UNREAD_LOG_BYTES = 8_388_608;

/** One proxy against REDIS_URL until `stopped` names a signal. Sets the exit code: 0 stopped by signal, 1 could not start, 2 bad setting. */
export async function runProxy(stopped: Promise<string>): Promise<void> {
  try {
    await run(stopped);
  } catch (error) {
    process.stderr.write(`app-fabric proxy: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

async function run(stopped: Promise<string>): Promise<void> {
  const settings = read();
  if (settings === null) return;
  const destination = pino.destination({ dest: 2, sync: false, maxLength: MAX_UNREAD_LOG_BYTES });
  const { redisUrl, traces, logExport: exported, ...options } = settings;
  const logExport = await startLogExport(exported, TRACED_PROXY, { warn: (fields, text) => log.warn(fields, text) });
  const log = pino({ level: settings.logLevel, base: { program: 'proxy' } }, alsoTo(logExport, destination));
  const tracing = await startTracing(traces, TRACED_PROXY, log);
  const bus = await connectRedisSubscriber({ url: redisUrl });
  const proxy = await startProxy({ ...options, bus, log, tracing });
  // Workers that cannot start keep it from being served, not from being stopped.
  const early = await Promise.race([stopped, proxy.served.then(() => null)]);
  if (early === null) {
    log.info({ proxyId: proxy.proxyId, proxyUrl: proxy.proxyUrl }, 'ready');
    process.stdout.write(`${JSON.stringify({ event: 'ready', proxy: proxy.proxyUrl, proxyAdmin: proxy.adminUrl })}\n`);
  }

  const signal = early ?? (await stopped);
  log.info({ signal }, 'stopping');
  await proxy.close();
  await tracing?.close();
  await logExport?.close();
  // A transport that cannot say goodbye must not keep the program from ending.
  await Promise.race([bus.close(), new Promise((resolve) => setTimeout(resolve, BUS_CLOSE_MS))]);
  destination.flushSync();
  process.exit(0);
}

function read(): Settings | null {
  try {
    return readSettings(process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`app-fabric proxy: ${error.message}\n`);
    process.exitCode = 2;
    return null;
  }
}
