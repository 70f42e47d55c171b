import { alsoTo, startLogExport, startTracing } from '@app-fabric/tracing';
import { pino } from 'pino';
import { type ApiConfig, ConfigError, readApiConfig } from './config/api-config.js';
import { connectBus } from './connect-bus.js';
import { createApi } from './create-api.js';
import { TRACED_API } from './tracing/traced-api.js';

/** One control-plane replica until `stopped` names a signal. Sets the exit code: 0 stopped by a signal, 1 cannot go on, 2 bad settings. */
export async function runApi(stopped: Promise<string>): Promise<void> {
  try {
    await run(readApiConfig(), stopped);
  } catch (error) {
    process.stderr.write(`app-fabric api: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof ConfigError ? 2 : 1;
  }
}

async function run(config: ApiConfig, stopped: Promise<string>): Promise<void> {
  const logExport = await startLogExport(config.logExport, TRACED_API, { warn: (fields, text) => logger.warn(fields, text) });
  const destination = alsoTo(logExport, pino.destination({ dest: 2, sync: true }));
  const logger = pino({ level: config.logLevel, base: { program: 'api' } }, destination);
  const tracing = await startTracing(config.traces, TRACED_API, logger);
  const bus = await connectBus(config.redisUrl);
  try {
    const api = await createApi({ config, bus, logger, tracing, logExport });
    await Promise.race([api.ready.then(() => process.stdout.write(`${JSON.stringify({ event: 'ready', api: api.url })}\n`)), stopped]);
    await stopped;
    await api.close();
  } finally {
    await bus.close();
    await tracing?.close();
    await logExport?.close();
  }
}
