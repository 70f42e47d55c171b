import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/transaction.js';

/** Something that somebody has changed of an app by hand, by which its traffic goes otherwise. */
export interface ManualChange {
  namespace: string;
  app: string;
  /** What a stop stops; null: the distribution was changed. */
  version: number | null;
  /** For people: `PUT of the distribution by admin`. */
  what: string;
}

type Listener = (tx: Transaction, change: ManualChange) => Promise<void>;

/**
 * Tells of changes by hand whoever goes by what he has set himself, in the transaction that makes the change and under its route lock: what a listener
 * writes is committed with the change, or not at all.
 */
@Injectable()
export class ManualChanges {
  private readonly listeners: Listener[] = [];

  /** To be called before the application has started. */
  on(listener: Listener): void {
    this.listeners.push(listener);
  }

  async tell(tx: Transaction, change: ManualChange): Promise<void> {
    for (const listener of this.listeners) await listener(tx, change);
  }
}
