import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { DataSource, QueryRunner } from 'typeorm';
import { DomainError } from '../http/domain-error.js';
import type { Traces } from '../tracing/traces.js';
import { isConnectionLost, isReadOnly, isRetryable, toDomainError, withoutValues } from './database-error.js';
import { recordStatements } from './record-statements.js';
import { closeTransaction, openTransaction, type Transaction, Transactions } from './transaction.js';

const ATTEMPTS = 3;
const RETRY_DELAY_MS = 20;

type AfterCommit = () => void | Promise<void>;
type Mode = 'write' | 'READ ONLY' | 'ISOLATION LEVEL REPEATABLE READ, READ ONLY';

/** {@link Transactions} on a TypeORM data source. While `isReady` says no, everything is 503. */
export class TransactionRunner extends Transactions {
  private readonly callbacks = new WeakMap<Transaction, AfterCommit[]>();
  private readonly current = new AsyncLocalStorage<{ open: boolean }>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly logger: Logger,
    private readonly isReady: () => boolean,
    private readonly traces: Traces,
  ) {
    super();
  }

  async run<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.attempt('write', work);
      } catch (error) {
        if (isReadOnly(error))
          throw new DomainError('unavailable', 'dependency_unavailable', 'The database takes no changes now.', { cause: error });
        if (attempt === ATTEMPTS || !isRetryable(error)) throw toDomainError(error);
        await delay(RETRY_DELAY_MS * attempt * (1 + Math.random()));
      }
    }
  }

  async read<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.attempt('READ ONLY', work).catch(rethrow);
  }

  async snapshot<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.attempt('ISOLATION LEVEL REPEATABLE READ, READ ONLY', work).catch(rethrow);
  }

  afterCommit(tx: Transaction, callback: AfterCommit): void {
    const callbacks = this.callbacks.get(tx);
    if (!callbacks) throw new Error('afterCommit outside of a running transaction');
    callbacks.push(callback);
  }

  private async attempt<T>(mode: Mode, work: (tx: Transaction) => Promise<T>): Promise<T> {
    if (this.current.getStore()?.open) throw new Error('a transaction inside of a transaction');
    if (!this.isReady()) throw new DomainError('unavailable', 'dependency_unavailable', 'The database is not ready yet.');
    const runner = recordStatements(this.dataSource.createQueryRunner(), this.traces);
    const tx = openTransaction(runner);
    const callbacks: AfterCommit[] = [];
    this.callbacks.set(tx, callbacks);
    const scope = { open: true };
    try {
      const result = await this.current.run(scope, () => transact(runner, mode, () => work(tx)));
      scope.open = false;
      this.callAll(callbacks);
      return result;
    } catch (error) {
      throw withoutValues(error);
    } finally {
      scope.open = false;
      this.callbacks.delete(tx);
      closeTransaction(tx);
      await runner.release();
    }
  }

  private callAll(callbacks: readonly AfterCommit[]): void {
    for (const callback of callbacks) {
      void (async () => callback())().catch((error: unknown) => this.logger.error({ err: error }, 'a callback after a commit failed'));
    }
  }
}

async function transact<T>(runner: QueryRunner, mode: Mode, work: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    if (mode === 'write') await runner.startTransaction();
    else await runner.query(`START TRANSACTION ${mode}`);
    result = await work();
  } catch (error) {
    await rollBack(runner, error);
    throw error;
  }
  try {
    if (mode === 'write') await runner.commitTransaction();
    else await runner.query('COMMIT');
  } catch (error) {
    if (mode !== 'write' || !isConnectionLost(error)) {
      await rollBack(runner, error);
      throw error;
    }
    await discard(runner);
    throw new DomainError(
      'unavailable',
      'commit_unknown',
      'The database was lost while committing: the change may or may not have been made.',
      {
        cause: error,
      },
    );
  }
  return result;
}

/** A connection that failed, or cannot even roll back, must not go back into the pool with a transaction open. */
async function rollBack(runner: QueryRunner, cause: unknown): Promise<void> {
  if (isConnectionLost(cause)) return discard(runner);
  try {
    await runner.query('ROLLBACK');
  } catch {
    await discard(runner);
  }
}

/** Ends the connection. The pool drops clients that are ending when they are released; a destroyed socket it would only notice later. */
async function discard(runner: QueryRunner): Promise<void> {
  if (runner.isReleased) return;
  try {
    const client: unknown = await runner.connect();
    if (isClient(client)) client.end().catch(() => undefined);
  } catch {
    // There was no connection in the first place.
  }
}

function isClient(client: unknown): client is { end(): Promise<void> } {
  return typeof client === 'object' && client !== null && 'end' in client;
}

function rethrow(error: unknown): never {
  throw toDomainError(error);
}
