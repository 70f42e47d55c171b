import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import type { Traces } from '../tracing/traces.js';
import { createDataSource, POOL_SIZE } from './data-source.js';
import { isConnectionLost } from './database-error.js';
import { pendingMigrations } from './migrate.js';
import type { Transactions } from './transaction.js';
import { TransactionRunner } from './transaction-runner.js';

const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 5_000;

export type DatabaseState = 'connecting' | 'migrations_pending' | 'ready';

/** The database is there but older than this program. */
export class MigrationsPendingError extends Error {
  readonly code = 'migrations_pending';

  constructor(readonly names: readonly string[]) {
    super(`The database lacks ${names.length} migration(s): ${names.join(', ')}. Run \`npm run migrate\` first.`);
    this.name = 'MigrationsPendingError';
  }
}

/** The connection to PostgreSQL, which may come later than the program. */
export class Database {
  readonly transactions: Transactions;
  /** Resolves at the first `ready`; never, when closed before. */
  readonly ready: Promise<void>;
  private readonly source: DataSource;
  private readonly closing = new AbortController();
  private currentState: DatabaseState = 'connecting';
  private becomeReady: () => void = () => undefined;
  private retrying: Promise<void> = Promise.resolve();

  constructor(
    url: string,
    private readonly logger: Logger,
    traces: Traces,
  ) {
    this.source = createDataSource(url);
    this.transactions = new TransactionRunner(this.source, logger, () => this.currentState === 'ready', traces);
    this.ready = new Promise((resolve) => {
      this.becomeReady = resolve;
    });
  }

  /** Connections. */
  get pool(): { idle: number; used: number; pending: number; max: number } {
    const { master } = this.source.driver as { master?: { totalCount: number; idleCount: number; waitingCount: number } };
    const { totalCount: total = 0, idleCount: idle = 0, waitingCount: pending = 0 } = master ?? {};
    return { idle, used: total - idle, pending, max: POOL_SIZE };
  }

  get state(): DatabaseState {
    return this.currentState;
  }

  /**
   * Tries once and returns; when the database cannot be reached it goes on trying behind the scenes, with back-off.
   * Throws {@link MigrationsPendingError}, and whatever else is wrong and will not mend itself (password, no such database).
   */
  async open(): Promise<void> {
    try {
      await this.connect();
    } catch (error) {
      if (!isConnectionLost(error)) {
        await this.close();
        throw error;
      }
      this.logger.warn({ err: error }, 'the database cannot be reached; trying again');
      this.retrying = this.retry();
    }
  }

  /** A round trip; false when it fails. */
  async ping(): Promise<boolean> {
    try {
      await this.transactions.read(async () => undefined);
      return true;
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.retrying;
    if (this.source.isInitialized) await this.source.destroy();
  }

  private async connect(): Promise<void> {
    if (!this.source.isInitialized) await this.source.initialize();
    const pending = await pendingMigrations(this.source);
    if (pending.length > 0) {
      this.currentState = 'migrations_pending';
      throw new MigrationsPendingError(pending);
    }
    this.currentState = 'ready';
    this.becomeReady();
  }

  private async retry(): Promise<void> {
    const { signal } = this.closing;
    for (let waitMs = FIRST_RETRY_MS; !signal.aborted; waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS)) {
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.connect();
        this.logger.info('the database is connected');
        return;
      } catch (error) {
        this.logger.warn({ err: error }, 'the database is not ready; trying again');
      }
    }
  }
}
