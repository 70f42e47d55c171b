import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/transaction.js';
import { Transactions } from '../database/transaction.js';
import { originOf } from '../tracing/origin.js';
import { Traces } from '../tracing/traces.js';
import { Publisher } from './publisher.js';
import { RouteOutboxRepository } from './route-outbox.repository.js';

/**
 * The only way to change what proxies route by. {@link lock} first, then read and decide, then write, then {@link commit}:
 * writers of routes go one at a time, so whatever was read under the lock still holds when the change commits,
 * and commit order is revision order (invariant 5).
 */
@Injectable()
export class RouteChanges {
  constructor(
    private readonly transactions: Transactions,
    private readonly outbox: RouteOutboxRepository,
    private readonly publisher: Publisher,
    private readonly traces: Traces,
  ) {}

  /** Takes the right to change routes until the transaction ends. Must be the transaction's first statement, so that no two can wait for each other. */
  async lock(tx: Transaction): Promise<void> {
    await this.outbox.lockHead(tx);
  }

  /**
   * Gives the change of this app its route revision and wakes the publisher after the commit. Returns the revision. Whichever replica publishes it
   * goes on with the trace of the request.
   */
  async commit(tx: Transaction, namespace: string, app: string): Promise<number> {
    const revision = await this.outbox.append(tx, namespace, app, originOf(this.traces.context));
    this.transactions.afterCommit(tx, () => this.publisher.wake());
    return revision;
  }
}
