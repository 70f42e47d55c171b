import type { PublisherBus } from '@app-fabric/bus';
import { type ProxyReport, REPORT_TTL_MS } from '@app-fabric/contracts';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { BUS, LOGGER } from '../tokens.js';
import { PUBLISHING_CLOCK, type PublishingClock } from './publishing-clock.js';

const SWEEP_MS = 1_000;
/** More are not remembered; while there are more, nobody can be told that all have applied something. */
const MAX_PROXIES = 10_000;

export interface KnownProxy {
  report: ProxyReport;
  /** ISO 8601, by this replica's clock. */
  lastSeen: string;
}

/**
 * Which proxies live and what each has applied, from their reports. While the bus is down nobody is declared gone:
 * a proxy that cannot report still routes by what it last had.
 */
@Injectable()
export class ProxyRegistry implements OnApplicationBootstrap, OnApplicationShutdown {
  /** By id and boot: two programs that were given the same id are two. */
  private readonly proxies = new Map<string, KnownProxy & { seenAtMs: number; replaced: boolean }>();
  private readonly listeners = new Set<() => void>();
  private loaded = false;
  private connection = 0;
  private loading: Promise<void> | null = null;
  private overflowAtMs: number | null = null;
  private telling = false;
  private stopSweep: () => void = () => undefined;
  private unsubscribe: (() => void)[] = [];

  constructor(
    @Inject(BUS) private readonly bus: PublisherBus,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(PUBLISHING_CLOCK) private readonly clock: PublishingClock,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.unsubscribe = [
      this.bus.onReport((report) => this.note(report)),
      this.bus.onConnection((connected) => this.onConnection(connected)),
    ];
    this.stopSweep = this.clock.every(SWEEP_MS, () => this.sweep());
    if (this.bus.connected) await this.load();
  }

  onApplicationShutdown(): void {
    this.stopSweep();
    for (const off of this.unsubscribe) off();
  }

  /**
   * {@link reports} are those of all live proxies. False until the bus has said which proxies there are, while it is down (one may have come
   * meanwhile, with an old table from its disk), and while there are more than we remember.
   */
  get complete(): boolean {
    return this.loaded && this.bus.connected && this.overflowAtMs === null;
  }

  /** In no particular order. */
  reports(): ProxyReport[] {
    const reports: ProxyReport[] = [];
    for (const { report, replaced } of this.proxies.values()) if (!replaced) reports.push(report);
    return reports;
  }

  /** By id. */
  list(): KnownProxy[] {
    return [...this.proxies.values()]
      .filter(({ replaced }) => !replaced)
      .map(({ report, lastSeen }) => ({ report, lastSeen }))
      .sort((a, b) => (a.report.proxyId < b.report.proxyId ? -1 : 1));
  }

  /** Calls back soon after something of {@link reports} or {@link complete} changed; once for many changes. Returns the unsubscribe. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Has all listeners called back. */
  tell(): void {
    if (this.telling) return;
    this.telling = true;
    setImmediate(() => {
      this.telling = false;
      for (const listener of [...this.listeners]) listener();
    });
  }

  private onConnection(connected: boolean): void {
    this.connection += 1;
    this.loaded = false; // proxies may have come while we heard nothing
    if (connected) {
      this.refreshClock();
      void this.load();
    }
    this.tell();
  }

  private load(): Promise<void> {
    const { connection } = this;
    this.loading ??= this.bus
      .proxies()
      .then((reports) => {
        // What was heard meanwhile is newer.
        const heard = new Set(this.reports().map(({ proxyId }) => proxyId));
        for (const report of reports) if (!heard.has(report.proxyId)) this.note(report);
        this.loaded = connection === this.connection;
        this.tell();
      })
      .catch((error: unknown) => this.logger.warn({ err: error }, 'the list of proxies cannot be read now'))
      .finally(() => {
        this.loading = null;
      });
    return this.loading;
  }

  private note(report: ProxyReport): void {
    const key = keyOf(report);
    if (report.leaving) this.proxies.delete(key);
    else if (this.proxies.has(key) || this.hasRoom()) {
      if (!this.proxies.has(key)) this.replaceFormerBoots(report);
      this.proxies.set(key, { report, seenAtMs: this.clock.nowMs(), lastSeen: new Date().toISOString(), replaced: false });
    }
    this.tell();
  }

  private hasRoom(): boolean {
    if (this.proxies.size < MAX_PROXIES) return true;
    if (this.overflowAtMs === null) this.logger.error(`more than ${MAX_PROXIES} proxies report; waits for all of them do not end`);
    this.overflowAtMs = this.clock.nowMs();
    return false;
  }

  /** A proxy that was started again. A former boot that still lives says so within a second, and is another one then. */
  private replaceFormerBoots({ proxyId }: ProxyReport): void {
    for (const proxy of this.proxies.values()) if (proxy.report.proxyId === proxyId) proxy.replaced = true;
  }

  /** After an outage each proxy gets the full time to report again. */
  private refreshClock(): void {
    for (const proxy of this.proxies.values()) proxy.seenAtMs = this.clock.nowMs();
  }

  private sweep(): void {
    if (!this.bus.connected) return;
    if (!this.loaded) void this.load();
    const nowMs = this.clock.nowMs();
    const isOver = (sinceMs: number) => nowMs - sinceMs >= REPORT_TTL_MS;
    let changed = false;
    if (this.overflowAtMs !== null && isOver(this.overflowAtMs)) {
      this.overflowAtMs = null;
      changed = true;
    }
    for (const [key, { report, seenAtMs, replaced }] of this.proxies) {
      if (!isOver(seenAtMs)) continue;
      this.proxies.delete(key);
      if (replaced) continue;
      changed = true;
      this.logger.warn({ proxyId: report.proxyId }, 'a proxy has stopped reporting; it is not waited for any more');
    }
    if (changed) this.tell();
  }
}

function keyOf({ proxyId, bootId }: ProxyReport): string {
  return `${proxyId}\n${bootId}`;
}
