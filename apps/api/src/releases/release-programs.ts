import type { Transaction } from '../database/transaction.js';
import type { AppRef } from './release.js';
import type { Order, ServiceStanding } from './release-orders.js';

/** The programs of the versions that a release is about. */
export abstract class ReleasePrograms {
  /** How the services of a version stand. */
  abstract standings(tx: Transaction, app: AppRef, version: number): Promise<ServiceStanding[]>;

  /** Outside of any transaction. What cannot be done now is still wanted at the next look. */
  abstract carryOut(app: AppRef, releaseId: string, orders: readonly Order[]): Promise<void>;
}
