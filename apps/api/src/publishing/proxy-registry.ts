import type { PublisherBus } from '@app-fabric/bus';
import type { ProxyReport } from '@app-fabric/contracts';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { BUS, LOGGER } from '../tokens.js';

/** A proxy that has said nothing for this long is gone. */
const GONE_AFTER_MS = 10_000;
const SWEEP_MS = 1_000;

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
  private readonly proxies = new Map<string, { report: ProxyReport; seenAtMs: number; lastSeen: string }>();
  private readonly listeners = new Set<() => void>();
  private loaded = false;
  private loading: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private unsubscribe: (() => void)[] = [];

  constructor(
    @Inject(BUS) private readonly bus: PublisherBus,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.unsubscribe = [
      this.bus.onReport((report) => this.note(report)),
      this.bus.onConnection((connected) => {
        if (connected) this.refreshClock();
        if (connected && !this.loaded) void this.load();
      }),
    ];
    this.timer = setInterval(() => this.sweep(), SWEEP_MS);
    if (this.bus.connected) await this.load();
  }

  onApplicationShutdown(): void {
    if (this.timer) clearInterval(this.timer);
    for (const off of this.unsubscribe) off();
  }

  /** False until the bus has once said which proxies there are: nothing may be concluded from an empty list before. */
  get complete(): boolean {
    return this.loaded;
  }

  list(): KnownProxy[] {
    return [...this.proxies.values()]
      .map(({ report, lastSeen }) => ({ report, lastSeen }))
      .sort((a, b) => (a.report.proxyId < b.report.proxyId ? -1 : 1));
  }

  /** Calls back whenever something of {@link list} changed. Returns the unsubscribe. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private load(): Promise<void> {
    this.loading ??= this.bus
      .proxies()
      .then((reports) => {
        for (const report of reports) if (!this.proxies.has(report.proxyId)) this.note(report);
        this.loaded = true;
        this.tell();
      })
      .catch((error: unknown) => this.logger.warn({ err: error }, 'the list of proxies cannot be read now'))
      .finally(() => {
        this.loading = null;
      });
    return this.loading;
  }

  private note(report: ProxyReport): void {
    if (report.leaving) this.proxies.delete(report.proxyId);
    else this.proxies.set(report.proxyId, { report, seenAtMs: performance.now(), lastSeen: new Date().toISOString() });
    this.tell();
  }

  /** After an outage each proxy gets the full time to report again. */
  private refreshClock(): void {
    for (const proxy of this.proxies.values()) proxy.seenAtMs = performance.now();
  }

  private sweep(): void {
    if (!this.bus.connected) return;
    if (!this.loaded) void this.load();
    let changed = false;
    for (const [id, { seenAtMs }] of this.proxies) {
      if (performance.now() - seenAtMs < GONE_AFTER_MS) continue;
      this.proxies.delete(id);
      changed = true;
      this.logger.warn({ proxyId: id }, 'a proxy has stopped reporting; it is not waited for any more');
    }
    if (changed) this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
