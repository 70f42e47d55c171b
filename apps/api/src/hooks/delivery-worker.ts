import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { Transactions } from '../database/transaction.js';
import { PUBLISHING_CLOCK, type PublishingClock } from '../publishing/publishing-clock.js';
import { LOGGER } from '../tokens.js';
import { DeliveriesRepository } from './deliveries.repository.js';
import type { Delivery } from './delivery.js';
import { DeliveryClock } from './delivery-clock.js';
import { FlowDelivery } from './flow-delivery.js';
import { WebhookDelivery } from './webhook-delivery.js';

const POLL_MS = 500;
/** Of one replica at once: one receiver that hangs does not hold up the others. */
const CONCURRENT = 16;
const TIDY_MS = 60_000;

/** Takes what is due out of the outbox and does it. Every replica does; what one has taken, no other takes before it must be over. */
@Injectable()
export class DeliveryWorker implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly stopped = new AbortController();
  private readonly busy = new Set<Promise<void>>();
  private looking: Promise<void> | null = null;
  private lookAgain = false;
  private failing = false;
  private tidyAtMs = 0;
  private stopPoll: () => void = () => undefined;

  constructor(
    private readonly transactions: Transactions,
    private readonly deliveries: DeliveriesRepository,
    private readonly time: DeliveryClock,
    private readonly webhooks: WebhookDelivery,
    private readonly flows: FlowDelivery,
    @Inject(PUBLISHING_CLOCK) private readonly clock: PublishingClock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.stopPoll = this.clock.every(POLL_MS, () => this.wake());
  }

  /** What is under way is broken off and given back. */
  async onApplicationShutdown(): Promise<void> {
    this.stopPoll();
    this.stopped.abort();
    await this.looking;
    await Promise.all(this.busy);
  }

  /** Something may be due. */
  wake(): void {
    if (this.stopped.signal.aborted || this.busy.size >= CONCURRENT) return;
    if (this.looking) {
      this.lookAgain = true;
      return;
    }
    this.lookAgain = false;
    this.looking = this.look()
      .then(() => {
        this.failing = false;
      })
      .catch((error: unknown) => {
        // Said once: while the database is away this comes twice a second.
        if (!this.failing) this.logger.warn({ err: error }, 'nothing is delivered now; deliveries wait');
        this.failing = true;
      })
      .finally(() => {
        this.looking = null;
        if (this.lookAgain) this.wake();
      });
  }

  private async look(): Promise<void> {
    const claimed = await this.transactions.run(async (tx) =>
      this.deliveries.claim(tx, await this.time.nowMs(tx), CONCURRENT - this.busy.size),
    );
    for (const delivery of claimed) {
      const work = this.work(delivery).finally(() => {
        this.busy.delete(work);
        this.wake();
      });
      this.busy.add(work);
    }
    if (this.clock.nowMs() < this.tidyAtMs) return;
    this.tidyAtMs = this.clock.nowMs() + TIDY_MS;
    await this.transactions.run(async (tx) => this.deliveries.tidy(tx, await this.time.nowMs(tx)));
  }

  /** What cannot be written down is done again when its time is over: whoever receives it knows it by its id. */
  private async work(delivery: Delivery): Promise<void> {
    const { deliveryId, namespace, app, releaseId, event, notification } = delivery;
    try {
      const nowMs = await this.transactions.read((tx) => this.time.nowMs(tx));
      const isFlow = delivery.target.type === 'flow';
      const { outcome, attempt } = await (isFlow
        ? this.flows.attempt(delivery, nowMs)
        : this.webhooks.attempt(delivery, nowMs, this.stopped.signal));
      await this.transactions.run(async (tx) => this.deliveries.settle(tx, delivery, outcome, attempt, await this.time.nowMs(tx)));
      if (outcome.then === 'failed') {
        const what = { deliveryId, namespace, app, releaseId, event, notification: notification || undefined };
        this.logger.warn({ ...what, status: attempt?.status, error: attempt?.error }, 'a delivery has failed');
      }
    } catch (error) {
      this.logger.warn({ err: error, deliveryId }, 'what came of a delivery cannot be written down; it is made again');
    }
  }
}
