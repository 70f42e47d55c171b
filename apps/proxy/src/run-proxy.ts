import { connectRedisSubscriber } from '@app-fabric/bus';
import { pino } from 'pino';
import { readSettings, type Settings, SettingsError } from './config/read-settings.js';
import { startProxy } from './start-proxy.js';

const BUS_CLOSE_MS = 1_000;

/** npm run proxy: one proxy against REDIS_URL. Exit codes: 0 stopped by signal, 1 could not start, 2 bad setting. */
async function main(): Promise<void> {
  const settings = read();
  if (settings === null) return;
  const destination = pino.destination({ dest: 2, sync: false });
  const log = pino({ level: settings.logLevel, base: { program: 'proxy' } }, destination);
  // Heard from the beginning: a signal during the start is obeyed as soon as there is something to stop.
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
  const { redisUrl, ...options } = settings;
  const bus = await connectRedisSubscriber({ url: redisUrl });
  const proxy = await startProxy({ ...options, bus, log });
  log.info({ proxyId: proxy.proxyId, proxyUrl: proxy.proxyUrl }, 'ready');
  process.stdout.write(`${JSON.stringify({ event: 'ready', proxy: proxy.proxyUrl, proxyAdmin: proxy.adminUrl })}\n`);

  const signal = await stopped;
  log.info({ signal }, 'stopping');
  await proxy.close();
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

try {
  await main();
} catch (error) {
  process.stderr.write(`app-fabric proxy: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
