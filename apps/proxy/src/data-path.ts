import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { DEFAULT_ENGINE, DEFAULT_LIMITS, DEFAULT_MAX_IN_FLIGHT, type ProxyEngine } from './config/read-settings.js';
import { createEngineForwarder } from './engine/engine-forwarder.js';
import { ProxyGateway } from './http/gateway.js';
import { createRandomIds } from './http/ids.js';
import { LogBudget } from './http/log-budget.js';
import { ProxyMetrics } from './metrics/proxy-metrics.js';
import type { RequestSide, RouteStanding } from './request-side.js';
import { type Clock, realClock } from './table/clock.js';
import { TableHolder } from './table/table-holder.js';
import type { CreateForwarder, Forwarder, ForwarderLimits } from './upstream/forwarder.js';
import { createHttpProxyForwarder } from './upstream/http-proxy-forwarder.js';
import { InstanceRegistry } from './upstream/instance-registry.js';
import { MirrorSender } from './upstream/mirror-sender.js';

/** How requests are treated; can be told to another process as JSON. */
export interface DataPathOptions {
  /** As returned by `readSettings`: empty, or `/like/this`. */
  basePath?: string | undefined;
  trustForwarded?: boolean | undefined;
  engine?: ProxyEngine | undefined;
  maxInFlight?: number | undefined;
  limits?: Partial<ForwarderLimits> | undefined;
  shutdownGraceMs?: number | undefined;
}

interface Surroundings {
  log: { warn(fields: object, text: string): void };
  random?: () => number;
  clock?: Clock;
}

const FORWARDERS: Record<ProxyEngine, CreateForwarder> = { native: createEngineForwarder, 'http-proxy': createHttpProxyForwarder };
const NOTHING_ROUTED: RouteStanding = { applied: null, seenRevision: null, rejected: [], lastRejection: null };

/** Everything that a request passes through, in this process. */
export class DataPath implements RequestSide {
  readonly sink: TableHolder;
  readonly forwarder: Forwarder;
  standing = NOTHING_ROUTED;
  readonly #registry: InstanceRegistry;
  readonly #metrics: ProxyMetrics;
  readonly #mirrors = new MirrorSender();

  constructor(options: DataPathOptions, { log, random = Math.random, clock = realClock }: Surroundings) {
    this.#registry = new InstanceRegistry((instance) => this.forwarder.release(instance));
    this.sink = new TableHolder(this.#registry, random);
    this.#metrics = new ProxyMetrics(() => gateway.inFlight);
    const gateway = new ProxyGateway({
      resolver: this.sink,
      mirrors: this.#mirrors,
      metrics: this.#metrics,
      ids: createRandomIds(),
      random,
      now: () => performance.now(),
      basePath: options.basePath ?? '',
      trustForwarded: options.trustForwarded ?? false,
      maxInFlight: options.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT,
      log,
      logBudget: new LogBudget(() => clock.now()),
    });
    this.forwarder = FORWARDERS[options.engine ?? DEFAULT_ENGINE](gateway, { ...DEFAULT_LIMITS, ...options.limits });
  }

  listen(host: string, port: number): Promise<AddressInfo> {
    return this.forwarder.listen(host, port);
  }

  async start(): Promise<void> {}

  routesChanged(standing: RouteStanding, hasTable: boolean): void {
    this.standing = standing;
    this.sink.ready = hasTable;
  }

  get ready(): boolean {
    return this.sink.ready;
  }

  inFlight(): Record<string, number> {
    return this.#registry.inFlight();
  }

  async metrics() {
    return this.#metrics.registry;
  }

  describe(): Record<string, unknown> {
    return {};
  }

  async close(graceMs: number): Promise<void> {
    await this.forwarder.close(graceMs);
    this.#mirrors.close();
  }
}
