import type { EntityManager, QueryRunner } from 'typeorm';

/** A running transaction. Opaque: only repositories look inside, by {@link query} and {@link entityManager}. */
export interface Transaction {
  readonly [transactionBrand]: true;
}
declare const transactionBrand: unique symbol;

/**
 * Runs work in database transactions. Knows no ORM.
 *
 * Inside `work` wait for nothing but this transaction: the embedded database serves one transaction at a time.
 * A transaction inside of a transaction is a programmer's error and throws.
 *
 * Errors: 503 `dependency_unavailable` when the database cannot be reached or gives no answer in time (nothing was changed);
 * 503 `commit_unknown` when the connection was lost while committing (the change may or may not have been made: look before repeating).
 */
export abstract class Transactions {
  /**
   * READ COMMITTED. Commits when `work` resolves, rolls back when it rejects. `work` is run again, at most twice, after a
   * serialization failure or a deadlock, so it must not do anything that a rollback does not undo.
   */
  abstract run<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;

  /** {@link run}, rolled back at its end: what `work` answers and refuses, and nothing is changed. For dry runs of what takes many steps. */
  async rehearse<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const rehearsed: { result?: T } = {};
    const end = new Error('rehearsed');
    try {
      return await this.run(async (tx) => {
        delete rehearsed.result;
        rehearsed.result = await work(tx);
        throw end;
      });
    } catch (error) {
      if ('result' in rehearsed) return rehearsed.result as T;
      throw error;
    }
  }

  /** Read only; each statement sees what is committed when it starts. */
  abstract read<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;

  /** Read only; all statements see one moment (REPEATABLE READ). */
  abstract snapshot<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;

  /** `callback` is called once the transaction is committed, never after a rollback. What it throws is logged, not passed on. */
  abstract afterCommit(tx: Transaction, callback: () => void | Promise<void>): void;
}

/** Repositories only. Rows of one statement, for UPDATE and DELETE those of its RETURNING. Values go in as `$1`, `$2`, … */
export async function query<Row = Record<string, unknown>>(tx: Transaction, sql: string, values: readonly unknown[] = []): Promise<Row[]> {
  const result = await queryRunner(tx).query(sql, [...values], true);
  return (result.records ?? []) as Row[];
}

/** Repositories only. TypeORM's manager, bound to the transaction. */
export function entityManager(tx: Transaction): EntityManager {
  return queryRunner(tx).manager;
}

const runners = new WeakMap<Transaction, QueryRunner>();

/** database/ only. Lets repositories reach `runner` through the returned handle until {@link closeTransaction}. */
export function openTransaction(runner: QueryRunner): Transaction {
  const tx = Object.freeze({}) as Transaction;
  runners.set(tx, runner);
  return tx;
}

/** database/ only. A handle that is used after its transaction's end throws. */
export function closeTransaction(tx: Transaction): void {
  runners.delete(tx);
}

function queryRunner(tx: Transaction): QueryRunner {
  const runner = runners.get(tx);
  if (!runner) throw new Error('the transaction has ended');
  return runner;
}
