import { randomUUID } from 'node:crypto';
import type { PublisherBus } from '@app-fabric/bus';
import { appKey } from '@app-fabric/contracts';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { Notifications } from '../database/notifications.js';
import { Transactions } from '../database/transaction.js';
import { BUS, LOGGER } from '../tokens.js';
import { LeaseRepository } from './lease.repository.js';
import { RouteDocumentRepository } from './route-document.repository.js';
import { type OutboxEntry, ROUTES_CHANNEL, RouteOutboxRepository } from './route-outbox.repository.js';

const LEASE = 'route-publisher';
const LEASE_SECONDS = 10;
const BATCH = 100;
const POLL_MS = 1_000;

/**
 * Brings committed changes to the bus, in order and at least once. One replica at a time does it (lease); the bus refuses to go
 * backwards, so a replica that lost its lease without noticing does no harm. Woken after each commit; a slow poll stands behind that.
 */
@Injectable()
export class Publisher implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly holder = randomUUID();
  private leaseUntil = 0;
  private running: Promise<void> | null = null;
  private again = false;
  private stopped = false;
  private timer: NodeJS.Timeout | null = null;
  private unsubscribe: () => void = () => undefined;
  /** What the bus last said it has; null: must be looked up before the next publication. */
  private busChecked = false;

  constructor(
    private readonly transactions: Transactions,
    private readonly outbox: RouteOutboxRepository,
    private readonly documents: RouteDocumentRepository,
    private readonly leases: LeaseRepository,
    notifications: Notifications,
    @Inject(BUS) private readonly bus: PublisherBus,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    notifications.on(ROUTES_CHANNEL, () => this.wake());
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = this.bus.onConnection(() => {
      this.busChecked = false; // it may have been emptied or replaced while we were away
      this.wake();
    });
    this.timer = setInterval(() => {
      this.busChecked = false;
      this.wake();
    }, POLL_MS);
    this.wake();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    if (this.timer) clearInterval(this.timer);
    this.unsubscribe();
    await this.running;
    if (this.leaseUntil > 0) await this.transactions.run((tx) => this.leases.release(tx, LEASE, this.holder)).catch(() => undefined);
  }

  /** Says that there may be something to publish. Returns at once; calls while a round runs lead to one more round. */
  wake(): void {
    this.again = true;
    if (this.running || this.stopped) return;
    this.running = this.rounds().finally(() => {
      this.running = null;
    });
  }

  private async rounds(): Promise<void> {
    while (this.again && !this.stopped) {
      this.again = false;
      try {
        if (await this.holdLease()) await this.publishPending();
      } catch (error) {
        this.busChecked = false;
        this.logger.warn({ err: error }, 'routes are not published now; the next round tries again');
      }
    }
  }

  /** Renewed when half of it is over, so that a burst of changes costs no lease query each. */
  private async holdLease(): Promise<boolean> {
    if (performance.now() < this.leaseUntil - (LEASE_SECONDS * 1000) / 2) return true;
    const askedAt = performance.now();
    const held = await this.transactions.run((tx) => this.leases.hold(tx, LEASE, this.holder, LEASE_SECONDS));
    if (held && this.leaseUntil === 0) this.busChecked = false;
    this.leaseUntil = held ? askedAt + LEASE_SECONDS * 1000 : 0;
    return held;
  }

  private async publishPending(): Promise<void> {
    if (!this.bus.connected) return;
    if (!this.busChecked) await this.align();
    for (;;) {
      const batch = await this.transactions.snapshot(async (tx) => {
        const head = await this.outbox.head(tx);
        const entries = head.revision > head.published ? await this.outbox.after(tx, head.published, BATCH) : [];
        if (entries.length === 0) return { head, entries, documents: new Map<string, never>() };
        const loaded = await this.documents.load(tx, distinctApps(entries), head.revision);
        return {
          head,
          entries,
          documents: new Map(loaded.map((document) => [appKey(document.routes.namespace, document.routes.app), document])),
        };
      });
      const { head, entries, documents } = batch;
      if (entries.length === 0) return;
      for (const { revision, namespace, app } of entries) {
        const key = appKey(namespace, app);
        const document = documents.get(key);
        await this.bus.publish({
          epoch: head.epoch,
          revision,
          previous: revision - 1,
          key,
          document: document ? { ...document, revision } : null,
        });
      }
      await this.transactions.run((tx) => this.outbox.markPublished(tx, head.epoch, entries.at(-1)!.revision));
    }
  }

  /** Holds the bus against the database: what is missing there, or belongs to another database, is published anew as a whole. */
  private async align(): Promise<void> {
    const there = await this.bus.head();
    const head = await this.transactions.read((tx) => this.outbox.head(tx));
    if (there === null || there.epoch !== head.epoch || there.revision < head.published) {
      await this.republish(there === null ? 'the bus is empty' : 'the bus has another state');
    } else if (there.revision > head.revision) {
      // Proxies would take every new change for an old one.
      await this.transactions.run((tx) => this.outbox.renewEpoch(tx));
      await this.republish('the bus is ahead of the database');
    }
    this.busChecked = true;
  }

  private async republish(why: string): Promise<void> {
    const snapshot = await this.transactions.snapshot(async (tx) => {
      const { epoch, revision } = await this.outbox.head(tx);
      return { epoch, revision, documents: await this.documents.loadAll(tx, revision) };
    });
    this.logger.info({ revision: snapshot.revision, apps: snapshot.documents.length }, `publishing all routes: ${why}`);
    await this.bus.replaceAll(snapshot);
    await this.transactions.run((tx) => this.outbox.markPublished(tx, snapshot.epoch, snapshot.revision));
  }
}

function distinctApps(entries: readonly OutboxEntry[]): { namespace: string; app: string }[] {
  return [...new Map(entries.map(({ namespace, app }) => [appKey(namespace, app), { namespace, app }])).values()];
}
