import { DataSource } from 'typeorm';
import { ENTITIES, MIGRATIONS } from './schema.js';

export const POOL_SIZE = 10;
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 15_000;
/** Behind the server's own timeout, for a server that has vanished without a word. */
const ANSWER_TIMEOUT_MS = 20_000;
const IDLE_IN_TRANSACTION_MS = 60_000;

/** Not connected yet. `url`: `postgres://user:password@host:port/database`. */
export function createDataSource(url: string): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    applicationName: 'app-fabric',
    entities: ENTITIES,
    migrations: MIGRATIONS,
    migrationsTableName: 'migrations',
    synchronize: false,
    installExtensions: false,
    poolSize: POOL_SIZE,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    logging: false,
    poolErrorHandler: () => undefined, // an idle connection was lost: the pool makes a new one
    extra: {
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
      keepAlive: true,
    },
  });
}
