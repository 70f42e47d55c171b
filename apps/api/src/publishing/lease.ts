import { randomUUID } from 'node:crypto';
import type { Transactions } from '../database/transaction.js';
import type { LeaseRepository } from './lease.repository.js';
import type { PublishingClock } from './publishing-clock.js';

/** A right that one of the replicas has, as one of them sees it. */
export class Lease {
  private readonly holder = randomUUID();
  private untilMs = 0;
  private askAgainAtMs = 0;

  constructor(
    private readonly name: string,
    private readonly seconds: number,
    private readonly transactions: Transactions,
    private readonly leases: LeaseRepository,
    private readonly clock: PublishingClock,
    /** For so long whoever did not get it does not ask again. */
    private readonly askAgainAfterMs = (seconds * 1_000) / 3,
  ) {}

  get isHeld(): boolean {
    return this.untilMs > this.clock.nowMs();
  }

  /** Takes it, or renews it when half of it is over: a burst of work costs no query each. */
  async hold(): Promise<boolean> {
    const nowMs = this.clock.nowMs();
    if (nowMs < this.untilMs - (this.seconds * 1_000) / 2) return true;
    if (nowMs < this.askAgainAtMs) return false;
    const held = await this.transactions.run((tx) => this.leases.hold(tx, this.name, this.holder, this.seconds));
    this.untilMs = held ? nowMs + this.seconds * 1_000 : 0;
    this.askAgainAtMs = held ? 0 : nowMs + this.askAgainAfterMs;
    return held;
  }

  /** Gives it back if it is held. Never rejects: it ends by itself. */
  async release(): Promise<void> {
    if (this.untilMs > 0) await this.transactions.run((tx) => this.leases.release(tx, this.name, this.holder)).catch(() => undefined);
  }
}
