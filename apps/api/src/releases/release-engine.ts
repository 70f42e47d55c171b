import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { Notifications } from '../database/notifications.js';
import { Transactions } from '../database/transaction.js';
import { Lease } from '../publishing/lease.js';
import { LeaseRepository } from '../publishing/lease.repository.js';
import { Propagation } from '../publishing/propagation.js';
import { PUBLISHING_CLOCK, type PublishingClock } from '../publishing/publishing-clock.js';
import { LOGGER } from '../tokens.js';
import { ReleaseSignals } from './release-signals.js';
import { ReleaseStepper } from './release-stepper.js';
import { type ActiveRelease, RELEASES_CHANNEL, ReleasesRepository } from './releases.repository.js';

const LEASE = 'release-engine';
const LEASE_SECONDS = 5;
const TICK_MS = 1_000;
/** Releases; each takes a connection to the database. */
const LOOKS_AT_ONCE = 4;

/**
 * Looks at every active release, about once a second and when something has happened to one. One replica at a time does it (lease); should two
 * do it, the lock of each release keeps them apart, and nothing is done twice. It keeps nothing that the database does not have.
 */
@Injectable()
export class ReleaseEngine implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly lease: Lease;
  private again = false;
  private running: Promise<void> | null = null;
  private stopped = false;
  private failing = false;
  private stopTick: () => void = () => undefined;
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly transactions: Transactions,
    private readonly releases: ReleasesRepository,
    private readonly stepper: ReleaseStepper,
    leases: LeaseRepository,
    private readonly propagation: Propagation,
    private readonly signals: ReleaseSignals,
    notifications: Notifications,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(PUBLISHING_CLOCK) private readonly clock: PublishingClock,
  ) {
    this.lease = new Lease(LEASE, LEASE_SECONDS, transactions, leases, clock);
    notifications.on(RELEASES_CHANNEL, () => this.wake());
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = this.signals.onChange(() => this.wake());
    this.stopTick = this.clock.every(TICK_MS, () => this.wake());
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    this.stopTick();
    this.unsubscribe();
    await this.running;
    await this.lease.release();
  }

  /** Says that there may be something to decide. Returns at once; calls while a round runs lead to one more round. */
  wake(): void {
    this.again = true;
    if (this.running || this.stopped) return;
    this.running = this.rounds();
  }

  private async rounds(): Promise<void> {
    while (this.again && !this.stopped) {
      this.again = false;
      try {
        await this.round();
        this.failing = false;
      } catch (error) {
        // Said once: while the database is away this comes every second.
        if (!this.failing) this.logger.warn({ err: error }, 'releases cannot be looked after now; the next round tries again');
        this.failing = true;
      }
    }
    this.running = null; // in the same turn as the last look at `again`: a wake in between would be lost
  }

  private async round(): Promise<void> {
    if (!(await this.lease.hold())) return;
    const waiting = await this.transactions.read((tx) => this.releases.enforced(tx));
    const looks = Array.from({ length: LOOKS_AT_ONCE }, async () => {
      for (let release = waiting.shift(); release && !this.stopped; release = waiting.shift()) await this.lookAt(release);
    });
    await Promise.all(looks);
  }

  private async lookAt({ id, namespace, app, routeRevision }: ActiveRelease): Promise<void> {
    try {
      const { complete } = await this.propagation.waitFor({ routeRevision, namespace, app }, 0);
      await this.stepper.step(id, { routeRevision, complete });
    } catch (error) {
      this.logger.warn({ err: error, releaseId: id }, 'this release could not be looked after now; the next round tries again');
    }
  }
}
