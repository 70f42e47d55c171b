import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createApi, migrateDatabase, type RunningApi, readApiConfig, TRACED_API } from '@app-fabric/api';
import { type RunningProxy, readSettings, startProxy, TRACED_PROXY } from '@app-fabric/proxy';
import { alsoTo, startLogExport, startTracing } from '@app-fabric/tracing';
import { destination, pino } from 'pino';
import { lockDataFolder } from './data-folder-lock.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { openBus } from './open-bus.js';

export interface Standalone {
  addresses: { api: string; proxy: string; proxyAdmin: string };
  /** The first admin's bearer token, and the file that holds it (null: it was given by FABRIC_ADMIN_TOKEN). */
  token: string;
  tokenFile: string | null;
  /** True when this start made the token: nobody has seen it yet. */
  isFirstStart: boolean;
  /** Finishes requests in flight, then closes everything. Safe to call twice. */
  stop(): Promise<void>;
}

/** A signal came before everything was up; what had been opened is closed. */
export class StartInterruptedError extends Error {
  readonly code = 'start_interrupted';
}

/**
 * API, proxy, bus and, unless `DATABASE_URL` names one, PostgreSQL in this process. `env` holds the settings of CONTRACT §2.
 * Throws ConfigError or SettingsError for bad settings, DataFolderInUseError when another process has the data folder, DataFolderError when it
 * cannot be used, and StartInterruptedError when `stopped` resolves first; nothing is left open then.
 */
export async function startStandalone(
  env: NodeJS.ProcessEnv,
  stopped: Promise<unknown> = new Promise(() => undefined),
): Promise<Standalone> {
  // The embedded database's address is known only after its start; everything else is checked before anything starts.
  const defaults = { databaseUrl: 'postgres://embedded', redisUrl: null, processRuntime: true };
  const settings = readApiConfig(env, defaults);
  // The proxy alone needs a Redis; here it gets the bus of this process, and the address goes unused.
  const {
    redisUrl: _unused,
    logExport: _same,
    traces,
    ...proxySettings
  } = readSettings({ ...env, REDIS_URL: env.REDIS_URL || 'redis://127.0.0.1' });
  const logExport = await startLogExport(settings.logExport, TRACED_API, { warn: (fields, text) => logger.warn(fields, text) });
  const logger = pino({ level: settings.logLevel }, alsoTo(logExport, destination({ fd: 2, sync: true })));
  const closers: (() => Promise<unknown>)[] = [async () => logExport?.close()];
  let closed: Promise<void> | undefined;
  const stop = () => (closed ??= closeAll(closers));
  const interrupted = stopped.then(() => {
    throw new StartInterruptedError();
  });
  interrupted.catch(() => undefined);
  /** For steps that may take for ever; the others end by themselves. */
  const unlessStopped = <T>(step: Promise<T>) => Promise.race([step, interrupted]);
  try {
    closers.push(await lockDataFolder(settings.dataDir));
    let { databaseUrl } = settings;
    if (!env.DATABASE_URL) {
      const postgres = await startEmbeddedPostgres(join(settings.dataDir, 'postgres'));
      closers.push(() => postgres.close());
      databaseUrl = postgres.url;
    }
    await unlessStopped(migrateDatabase(databaseUrl));
    const tokenFile = settings.adminToken === null ? join(settings.dataDir, 'admin-token') : null;
    const isFirstStart = tokenFile !== null && (await readToken(tokenFile)) === undefined;
    const { publisher, subscriber } = await openBus(settings.redisUrl);
    closers.push(() => publisher.close());
    closers.push(() => subscriber.close());
    const apiTracing = await startTracing(settings.traces, TRACED_API, logger);
    closers.push(async () => apiTracing?.close());
    const api: RunningApi = await createApi({
      config: { ...settings, databaseUrl },
      bus: publisher,
      logger,
      tracing: apiTracing,
      logExport,
      stopPrograms: true,
    });
    closers.push(() => api.close());
    await unlessStopped(api.ready);
    const proxyTracing = await startTracing(traces, TRACED_PROXY, logger);
    closers.push(async () => proxyTracing?.close());
    const proxy: RunningProxy = await startProxy({
      ...proxySettings,
      dataDir: settings.dataDir,
      bus: subscriber,
      log: logger,
      tracing: proxyTracing,
    });
    closers.push(() => proxy.close());
    await unlessStopped(proxy.served);
    const token = settings.adminToken ?? (await readToken(tokenFile!))!;
    const addresses = { api: api.url, proxy: proxy.proxyUrl, proxyAdmin: proxy.adminUrl };
    return { addresses, token, tokenFile, isFirstStart, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What was opened last is closed first: no request finds its way into something that is already gone. */
async function closeAll(closers: (() => Promise<unknown>)[]): Promise<void> {
  for (const close of closers.reverse()) await close();
}

async function readToken(file: string): Promise<string | undefined> {
  return (await readFile(file, 'utf8').catch(() => undefined))?.trim();
}
