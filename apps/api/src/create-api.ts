import 'reflect-metadata';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PublisherBus } from '@app-fabric/bus';
import type { LogExport, Tracing } from '@app-fabric/tracing';
import type { Logger } from 'pino';
import { appModule } from './app.module.js';
import { adminToken } from './config/admin-token.js';
import type { ApiConfig } from './config/api-config.js';
import { createApp } from './create-app.js';
import { Database } from './database/database.js';
import { AdminTokenAuthenticator } from './http/auth.guard.js';
import { localRuntime } from './local-runtime.js';
import { Traces } from './tracing/traces.js';

/** How long requests in flight may take to end when the program stops. Long waits are told to end at once. */
const CLOSE_GRACE_MS = 15_000;

export interface ApiOptions {
  config: ApiConfig;
  /** Stays the caller's: close it after the API. */
  bus: PublisherBus;
  logger: Logger;
  /** Stays the caller's: close it after the API. Null, the default: nothing is recorded. */
  tracing?: Tracing | null;
  /** Gets what programs print. Stays the caller's, as `tracing` does. */
  logExport?: LogExport | null;
  /** Programs end with this API. Default: they go on, and the next API on the same data folder takes them over. */
  stopPrograms?: boolean;
}

export interface RunningApi {
  /** Without a slash at the end. */
  url: string;
  /** Resolves when the database is there and up to date; it may not be when the API already listens. */
  ready: Promise<void>;
  /** Stops listening, finishes the requests in flight (at most 15 s), then stops everything else. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Starts one control-plane replica. Rejects when the database lacks migrations (MigrationsPendingError), or refuses us, or the port is taken.
 * A database that cannot be reached is waited for: the API listens, `/readyz` says 503. `rootModule` is another one in tests.
 */
export async function createApi(
  { config, bus, logger, tracing = null, logExport = null, stopPrograms = false }: ApiOptions,
  rootModule = appModule,
): Promise<RunningApi> {
  const shutdown = new AbortController();
  const authenticator = new AdminTokenAuthenticator(await adminToken(config));
  const traces = new Traces(tracing);
  const database = new Database(config.databaseUrl, logger, traces);
  await database.open();
  try {
    const runtime = config.processRuntime ? await localRuntime(config, stopPrograms, logExport) : null;
    const parts = { config, database, bus, logger, authenticator, shutdown: shutdown.signal, runtime, traces };
    const app = await createApp(parts, rootModule(parts));
    await app.listen(config.port, config.host).catch(async (error: unknown) => {
      // The modules are at work by now: left alone, they would keep the program from ending.
      shutdown.abort();
      await app.close();
      throw error;
    });
    const server: Server = app.getHttpServer();
    let closed: Promise<void> | null = null;
    const close = async () => {
      shutdown.abort();
      await drain(server);
      await app.close();
      await database.close();
    };
    return { url: urlOf(server.address() as AddressInfo), ready: database.ready, close: () => (closed ??= close()) };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Resolves when the last request is answered; after the grace the rest is cut off. */
async function drain(server: Server): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearTimeout(timer);
}

/** An address to call, also when all interfaces are listened on. */
function urlOf({ address, port }: AddressInfo): string {
  const callable = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address;
  return `http://${callable.includes(':') ? `[${callable}]` : callable}:${port}`;
}
