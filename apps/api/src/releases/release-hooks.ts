import type { Evidence } from '@app-fabric/release';
import type { Transaction } from '../database/transaction.js';
import type { Release, StoredEvent } from './release.js';

/** What the evidence says of them. */
export type HooksStanding = Pick<Evidence, 'beforeHooks' | 'hookFailure'>;

/** The engine's side of hooks and notifications. Both are called in the transaction that changes the release, and may only write to the database. */
export abstract class ReleaseHooks {
  /**
   * How the `before` hooks of the stage stand for this entry (`release.state.entry`). Asked at every look while the stage is being prepared, so
   * the first time is when to begin them, and what has begun must not begin again.
   */
  abstract beforeStage(tx: Transaction, release: Release): Promise<HooksStanding>;

  /** What has just happened: the place to write down deliveries. `release` is as it is after it. */
  abstract happened(tx: Transaction, release: Release, events: readonly StoredEvent[]): Promise<void>;
}
