import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { createRandomIds, type Tracing } from '@app-fabric/tracing';
import {
  DEFAULT_ENGINE,
  DEFAULT_LIMITS,
  DEFAULT_MAX_IN_FLIGHT,
  DEFAULT_OUTLIERS,
  DEFAULT_REQUEST_LOG,
  type ProxyEngine,
} from './config/read-settings.js';
import { createEngineForwarder } from './engine/engine-forwarder.js';
import { ProxyGateway } from './http/gateway.js';
import { LogBudget } from './http/log-budget.js';
import { type DataPathLog, RequestLog, type RequestLogPolicy } from './http/request-log.js';
import { type DraftFrame, FrameSource } from './measurements/frame-source.js';
import { TrafficMeters, type VersionSeries } from './measurements/traffic-meters.js';
import { TrafficRecorder } from './measurements/traffic-recorder.js';
import { UncountedTraffic } from './measurements/uncounted-traffic.js';
import { ProxyMetrics } from './metrics/proxy-metrics.js';
import type { RouteRequests } from './metrics/route-requests.js';
import { NOTHING_ROUTED, type RequestSide, type RouteStanding } from './request-side.js';
import { type Clock, realClock } from './table/clock.js';
import { TableHolder } from './table/table-holder.js';
import type { CreateForwarder, Forwarder, ForwarderLimits } from './upstream/forwarder.js';
import { createHttpProxyForwarder } from './upstream/http-proxy-forwarder.js';
import { InstanceRegistry } from './upstream/instance-registry.js';
import { MirrorSender } from './upstream/mirror-sender.js';
import { type OutlierPolicy, Outliers } from './upstream/outliers.js';

/** How requests are treated; can be told to another process as JSON. */
export interface DataPathOptions {
  /** As returned by `readSettings`: empty, or `/like/this`. */
  basePath?: string | undefined;
  trustForwarded?: boolean | undefined;
  engine?: ProxyEngine | undefined;
  maxInFlight?: number | undefined;
  limits?: Partial<ForwarderLimits> | undefined;
  outliers?: Partial<OutlierPolicy> | undefined;
  requestLog?: Partial<RequestLogPolicy> | undefined;
  /** Requests are counted: default true. */
  metrics?: boolean | undefined;
  shutdownGraceMs?: number | undefined;
}

interface Surroundings {
  log: DataPathLog;
  tracing: Tracing | null;
  random?: () => number;
  clock?: Clock;
}

const FORWARDERS: Record<ProxyEngine, CreateForwarder> = { native: createEngineForwarder, 'http-proxy': createHttpProxyForwarder };

/** Everything that a request passes through, in this process. */
export class DataPath implements RequestSide {
  readonly sink: TableHolder;
  readonly forwarder: Forwarder;
  standing: RouteStanding = NOTHING_ROUTED;
  readonly #registry: InstanceRegistry;
  readonly #metrics: ProxyMetrics;
  readonly #meters: TrafficMeters;
  readonly #frames: FrameSource;
  /** Requests are counted. */
  readonly #counts: boolean;
  readonly #mirrors = new MirrorSender();

  constructor(options: DataPathOptions, { log, tracing, random = Math.random, clock = realClock }: Surroundings) {
    this.#counts = options.metrics ?? true;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const now = () => performance.now();
    const policy = { ...DEFAULT_REQUEST_LOG, ...options.requestLog };
    const ejections = new LogBudget(() => clock.now(), policy.linesPerSecond);
    const outliers = new Outliers<VersionSeries>({
      policy: { ...DEFAULT_OUTLIERS, ...options.outliers },
      now,
      trialMs: limits.connectTimeoutMs + limits.responseTimeoutMs,
      onEject: ({ id, url }, { route, requests }, forMs) => {
        this.#metrics.ejection(requests);
        const suppressed = ejections.take();
        if (suppressed !== null) log.warn({ ...route, instanceId: id, instanceUrl: url, forMs, suppressed }, 'instance ejected');
      },
    });
    this.#registry = new InstanceRegistry((instance) => {
      outliers.forget(instance);
      this.forwarder.release(instance);
    });
    this.sink = new TableHolder(this.#registry, outliers, random);
    this.#metrics = new ProxyMetrics({
      inFlight: () => gateway.inFlight,
      inFlightByRoute: () => meters.inFlight(),
      ejected: () => requestsOf(outliers.ejected),
      unmeasured: () => meters.overflow.meter.ended,
    });
    const meters = new TrafficMeters(this.#metrics);
    this.#meters = meters;
    this.#frames = new FrameSource(meters, now);
    const { unrouted } = this.#metrics;
    const Recorder = this.#counts ? TrafficRecorder : UncountedTraffic;
    const traffic = new Recorder({ meters, unrouted, now, onFailed: (request) => this.#frames.failed(request) });
    const gateway = new ProxyGateway({
      resolver: this.sink,
      mirrors: this.#mirrors,
      metrics: this.#metrics,
      traffic,
      tracing,
      outliers,
      ids: createRandomIds(),
      random,
      now,
      basePath: options.basePath ?? '',
      trustForwarded: options.trustForwarded ?? false,
      maxInFlight: options.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT,
      requestLog: new RequestLog({ log, policy, now, random }),
    });
    this.forwarder = FORWARDERS[options.engine ?? DEFAULT_ENGINE](gateway, limits);
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

  async frames(): Promise<DraftFrame[]> {
    return this.#counts ? this.#frames.take() : [];
  }

  async metrics() {
    const busy = new Set<RouteRequests>();
    for (const { requests, inFlight } of this.#meters.inFlight()) if (inFlight > 0) busy.add(requests);
    this.#metrics.tidy((requests) => busy.has(requests) || this.sink.routesTo(requests.route));
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

function* requestsOf(series: Iterable<VersionSeries>) {
  for (const { requests } of series) yield requests;
}
