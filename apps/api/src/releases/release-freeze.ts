import type { Transaction } from '../database/transaction.js';

/** Says when no release may begin and no candidate may get more traffic. */
export abstract class ReleaseFreeze {
  /** Why it is not allowed now, for people; null: it is. */
  abstract refusal(tx: Transaction, namespace: string, nowMs: number): Promise<string | null>;
}

export class NoFreeze extends ReleaseFreeze {
  async refusal(): Promise<string | null> {
    return null;
  }
}
