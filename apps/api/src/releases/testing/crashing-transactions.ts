import { type Transaction, Transactions } from '../../database/transaction.js';

/** The program was killed. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** Transactions of a program that is killed at a moment of one's choice: before one begins, before it commits, or after that. */
export class CrashingTransactions extends Transactions {
  private passed = 0;
  private killAt = Number.POSITIVE_INFINITY;

  constructor(private readonly inner: Transactions) {
    super();
  }

  /** Dies at the `moment`th of the moments to come, from 1. */
  dieAt(moment: number): void {
    this.passed = 0;
    this.killAt = moment;
  }

  get isDead(): boolean {
    return this.passed >= this.killAt;
  }

  override async run<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.moment();
    const result = await this.inner.run(async (tx) => {
      const done = await work(tx);
      this.moment();
      return done;
    });
    this.moment();
    return result;
  }

  override read<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.moment();
    return this.inner.read(work);
  }

  override snapshot<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.moment();
    return this.inner.snapshot(work);
  }

  override afterCommit(tx: Transaction, callback: () => void | Promise<void>): void {
    this.inner.afterCommit(tx, callback);
  }

  private moment(): void {
    if (!this.isDead) this.passed += 1;
    if (this.isDead) throw new Killed();
  }
}
