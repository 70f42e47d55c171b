import type { PublisherBus } from '@app-fabric/bus';
import { appKey, type RouteChange, type RouteHead } from '@app-fabric/contracts';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { Notifications } from '../database/notifications.js';
import { Transactions } from '../database/transaction.js';
import { BUS, LOGGER } from '../tokens.js';
import { originOf } from '../tracing/origin.js';
import { publishSpan } from '../tracing/publish-span.js';
import { Traces } from '../tracing/traces.js';
import { Lease } from './lease.js';
import { LeaseRepository } from './lease.repository.js';
import { PUBLISHING_CLOCK, type PublishingClock } from './publishing-clock.js';
import { RouteDocumentRepository } from './route-document.repository.js';
import { type OutboxEntry, ROUTES_CHANNEL, RouteOutboxRepository } from './route-outbox.repository.js';

const LEASE = 'route-publisher';
const LEASE_SECONDS = 10;
const BATCH = 100;
const POLL_MS = 1_000;
/** So often in one round the bus may turn out to be elsewhere; then it is left to the next poll: somebody else writes to it. */
const MAX_MISSES = 3;

/**
 * Brings committed changes to the bus, in order and at least once. One replica at a time does it (lease); the bus takes only the step after
 * the one it has, so a replica that lost its lease without noticing does no harm. Woken after each commit; a slow poll stands behind that.
 */
@Injectable()
export class Publisher implements OnApplicationBootstrap, OnApplicationShutdown {
  /** Since the start. */
  readonly counts = { published: 0, republished: 0, failed: 0 };
  private readonly lease: Lease;
  private running: Promise<void> | null = null;
  private again = false;
  private stopped = false;
  private stopPoll: () => void = () => undefined;
  private unsubscribe: () => void = () => undefined;
  /** The bus was held against the database since anything could have happened to it. */
  private aligned = false;

  constructor(
    private readonly transactions: Transactions,
    private readonly outbox: RouteOutboxRepository,
    private readonly documents: RouteDocumentRepository,
    leases: LeaseRepository,
    notifications: Notifications,
    @Inject(BUS) private readonly bus: PublisherBus,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(PUBLISHING_CLOCK) private readonly clock: PublishingClock,
    private readonly traces: Traces,
  ) {
    // Woken by each commit and each second, a standby asks each time: changes wait for as long as nobody has the lease.
    this.lease = new Lease(LEASE, LEASE_SECONDS, transactions, leases, clock, 0);
    notifications.on(ROUTES_CHANNEL, () => this.wake());
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = this.bus.onConnection(() => this.lookAgain());
    this.stopPoll = this.clock.every(POLL_MS, () => this.lookAgain());
    this.wake();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    this.stopPoll();
    this.unsubscribe();
    await this.running;
    await this.lease.release();
  }

  /** It is this replica that publishes. */
  get active(): boolean {
    return this.lease.isHeld;
  }

  /** Says that there may be something to publish. Returns at once; calls while a round runs lead to one more round. */
  wake(): void {
    this.again = true;
    if (this.running || this.stopped) return;
    // Woken by the commit of one request, it works for all.
    this.running = this.traces.outside(() => this.rounds());
  }

  /** The bus may have been emptied or replaced without a word. */
  private lookAgain(): void {
    this.aligned = false;
    this.wake();
  }

  private async rounds(): Promise<void> {
    while (this.again && !this.stopped) {
      this.again = false;
      try {
        await this.publishPending();
      } catch (error) {
        this.aligned = false;
        this.counts.failed += 1;
        this.logger.warn({ err: error }, 'routes are not published now; the next round tries again');
      }
    }
    this.running = null; // in the same turn as the last look at `again`: a wake in between would be lost
  }

  private async publishPending(): Promise<void> {
    let misses = 0;
    while (!this.stopped && (await this.holdLease()) && this.bus.connected) {
      this.aligned ||= await this.align();
      const outcome = this.aligned ? await this.publishBatch() : 'out_of_step';
      if (outcome === 'done') return;
      if (outcome === 'published') continue;
      this.aligned = false;
      misses += 1;
      if (misses === MAX_MISSES) {
        this.logger.error('somebody else writes to the bus; is another App Fabric using the same Redis and prefix?');
        return;
      }
    }
  }

  private async holdLease(): Promise<boolean> {
    if (!this.lease.isHeld) this.aligned = false; // somebody else may have had it meanwhile
    return this.lease.hold();
  }

  private async publishBatch(): Promise<'done' | 'published' | 'out_of_step'> {
    const { head, entries, documents } = await this.transactions.snapshot(async (tx) => {
      const head = await this.outbox.head(tx);
      const entries = head.revision > head.published ? await this.outbox.after(tx, head.published, BATCH) : [];
      const loaded = entries.length > 0 ? await this.documents.load(tx, distinctApps(entries), head.revision) : [];
      return {
        head,
        entries,
        documents: new Map(loaded.map((document) => [appKey(document.routes.namespace, document.routes.app), document])),
      };
    });
    if (head.revision === head.published) return 'done';
    for (const entry of entries) {
      const { revision, namespace, app } = entry;
      const key = appKey(namespace, app);
      const document = documents.get(key);
      const change = { epoch: head.epoch, revision, previous: revision - 1, key, document: document ? { ...document, revision } : null };
      if (!(await this.publish(change, entry))) return 'out_of_step';
      this.counts.published += 1;
    }
    const last = entries.at(-1);
    if (!last) return 'out_of_step'; // trimmed: they were too many while the bus was away
    await this.markPublished(head.epoch, last.revision);
    return 'published';
  }

  /** Proxies go on with the trace that the document brings. */
  private async publish(change: RouteChange, entry: OutboxEntry): Promise<boolean> {
    const span = publishSpan(this.traces.tracing, entry);
    if (span === null) return this.bus.publish(change);
    const { document } = change;
    const trace = originOf(span.context);
    try {
      const published = await this.bus.publish({ ...change, document: document && trace ? { ...document, trace } : document });
      if (!published) span.fail('out_of_step');
      return published;
    } catch (error) {
      span.fail('bus_unavailable');
      throw error;
    } finally {
      span.end();
    }
  }

  /**
   * Holds the bus against the database. What is missing there, or belongs to another database, is published anew as a whole.
   * False when the bus was changed by somebody else meanwhile.
   */
  private async align(): Promise<boolean> {
    const there = await this.bus.head();
    const { head, oldest } = await this.transactions.snapshot(async (tx) => ({
      head: await this.outbox.head(tx),
      oldest: await this.outbox.oldest(tx),
    }));
    if (there === null) return this.republish('the bus is empty', there);
    if (there.epoch !== head.epoch) return this.republish('the bus has the routes of another database', there);
    if (there.revision > head.revision) {
      // The database was restored from a backup. Proxies would take every new change for an old one.
      await this.transactions.run((tx) => this.outbox.renewEpoch(tx, head.epoch, there.revision));
      return this.republish('the bus is ahead of the database', there);
    }
    if (there.revision + 1 < (oldest ?? head.revision + 1)) return this.republish('the bus has an older state', there);
    if (there.revision > head.published) await this.markPublished(head.epoch, there.revision);
    return true;
  }

  /** False when the bus is not as it was seen any more. */
  private async republish(why: string, seen: RouteHead | null): Promise<boolean> {
    const snapshot = await this.transactions.snapshot(async (tx) => {
      const { epoch, revision } = await this.outbox.head(tx);
      return { epoch, revision, documents: await this.documents.loadAll(tx, revision) };
    });
    this.logger.info({ revision: snapshot.revision, apps: snapshot.documents.length }, `publishing all routes: ${why}`);
    if (!(await this.bus.replaceAll(snapshot, seen))) return false;
    this.counts.republished += 1;
    await this.markPublished(snapshot.epoch, snapshot.revision);
    return true;
  }

  private markPublished(epoch: string, revision: number): Promise<void> {
    return this.transactions.run((tx) => this.outbox.markPublished(tx, epoch, revision));
  }
}

function distinctApps(entries: readonly OutboxEntry[]): { namespace: string; app: string }[] {
  return [...new Map(entries.map(({ namespace, app }) => [appKey(namespace, app), { namespace, app }])).values()];
}
