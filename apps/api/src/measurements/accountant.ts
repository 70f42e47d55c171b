import type { PublisherBus, StoredFrame } from '@app-fabric/bus';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { Lease } from '../publishing/lease.js';
import { LeaseRepository } from '../publishing/lease.repository.js';
import { PUBLISHING_CLOCK, type PublishingClock } from '../publishing/publishing-clock.js';
import { BUS, LOGGER } from '../tokens.js';
import { type ArrivedFrame, FrameAccounting } from './frame-accounting.js';

const LEASE = 'measurement-accountant';
const LEASE_SECONDS = 6;
const POLL_MS = 500;
const TIDY_MS = 30_000;
/** In one transaction. */
const BATCH = 100;

/**
 * Takes frames from the bus and has them accounted for; removes them from the bus only then. One replica at a time does it (lease): more
 * would do no harm, but the same work. What cannot be accounted for now stays on the bus.
 */
@Injectable()
export class Accountant implements OnApplicationBootstrap, OnApplicationShutdown {
  /** Frames, since the start. */
  readonly counts = { accounted: 0, refused: 0, dropped: 0 };
  private readonly lease: Lease;
  private tidyAtMs = 0;
  private running: Promise<void> | null = null;
  private stopped = false;
  private failing = false;
  /** When nothing was left on the bus; null: this replica does not know. */
  private caughtUpAtMs: number | null = null;
  private stopPoll: () => void = () => undefined;

  constructor(
    transactions: Transactions,
    leases: LeaseRepository,
    private readonly accounting: FrameAccounting,
    @Inject(BUS) private readonly bus: PublisherBus,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(PUBLISHING_CLOCK) private readonly clock: PublishingClock,
  ) {
    this.lease = new Lease(LEASE, LEASE_SECONDS, transactions, leases, clock);
  }

  onApplicationBootstrap(): void {
    this.stopPoll = this.clock.every(POLL_MS, () => this.look());
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    this.stopPoll();
    await this.running;
    await this.lease.release();
  }

  /** It is this replica that accounts for frames. */
  get active(): boolean {
    return this.lease.isHeld;
  }

  /** For how long frames may have waited on the bus by now; null: another replica accounts for them. */
  get lagMs(): number | null {
    return this.caughtUpAtMs === null ? null : this.clock.nowMs() - this.caughtUpAtMs;
  }

  private look(): void {
    if (this.running || this.stopped) return;
    this.running = this.round()
      .then(() => {
        this.failing = false;
      })
      .catch((error: unknown) => {
        // Said once: while the database is away this comes twice a second.
        if (!this.failing) this.logger.warn({ err: error }, 'measurements are not accounted for now; they wait on the bus');
        this.failing = true;
      })
      .finally(() => {
        this.running = null;
      });
  }

  private async round(): Promise<void> {
    while (!this.stopped && this.bus.connected && (await this.lease.hold())) {
      const readAtMs = this.clock.nowMs();
      const stored = await this.bus.measurements(BATCH);
      if (stored.length > 0) {
        await this.account(stored, readAtMs);
        await this.bus.removeMeasurements(stored.map(({ id }) => id));
      }
      if (stored.length < BATCH) {
        this.caughtUpAtMs = readAtMs;
        break;
      }
    }
    if (!this.stopped && this.lease.isHeld && this.clock.nowMs() >= this.tidyAtMs) {
      await this.accounting.tidy();
      this.tidyAtMs = this.clock.nowMs() + TIDY_MS;
    }
  }

  private async account(stored: readonly StoredFrame[], readAtMs: number): Promise<void> {
    const frames: ArrivedFrame[] = [];
    const sinceMs = Math.max(0, this.clock.nowMs() - readAtMs);
    for (const { frame, storedMs } of stored) {
      if (frame.ok) frames.push({ frame: frame.value, agoMs: frame.value.ageMs + storedMs + sinceMs });
      else {
        this.counts.refused += 1;
        this.logger.warn({ reason: frame.reason }, 'a frame of measurements was refused');
      }
    }
    if (frames.length > 0) await this.accountFor(frames);
  }

  /** A frame that can never be accounted for must not hold up all others. */
  private async accountFor(frames: readonly ArrivedFrame[]): Promise<void> {
    try {
      await this.accounting.accountFor(frames);
      this.counts.accounted += frames.length;
    } catch (error) {
      if (error instanceof DomainError) throw error;
      const [only] = frames;
      if (frames.length > 1) for (const frame of frames) await this.accountFor([frame]);
      else {
        this.counts.dropped += 1;
        this.logger.error({ err: error, source: only?.frame.source }, 'a frame of measurements cannot be accounted for; it is dropped');
      }
    }
  }
}
