import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { SubscriberBus } from '@app-fabric/bus';
import type { RouteSnapshot } from '@app-fabric/contracts';
import { AdminServer } from './admin/admin-server.js';
import {
  DEFAULT_ENGINE,
  DEFAULT_LIMITS,
  DEFAULT_MAX_IN_FLIGHT,
  DEFAULT_SHUTDOWN_GRACE_MS,
  type ProxyEngine,
} from './config/read-settings.js';
import { createEngineForwarder } from './engine/engine-forwarder.js';
import { ProxyGateway } from './http/gateway.js';
import { createRandomIds } from './http/ids.js';
import { LogBudget } from './http/log-budget.js';
import { ProxyMetrics } from './metrics/proxy-metrics.js';
import { type Clock, realClock } from './table/clock.js';
import { Reporter } from './table/reporter.js';
import { RouteSync } from './table/route-sync.js';
import { SnapshotFile } from './table/snapshot-file.js';
import { TableHolder } from './table/table-holder.js';
import type { CreateForwarder, Forwarder, ForwarderLimits } from './upstream/forwarder.js';
import { createHttpProxyForwarder } from './upstream/http-proxy-forwarder.js';
import { InstanceRegistry } from './upstream/instance-registry.js';
import { MirrorSender } from './upstream/mirror-sender.js';

/** What the proxy writes its log with: pino has this shape. */
export interface ProxyLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
}

export interface ProxyOptions {
  /** Closed by the caller, after the proxy. */
  bus: SubscriberBus;
  log: ProxyLog;
  /** Default `127.0.0.1`. */
  host?: string;
  /** Default 0: a free one. */
  port?: number;
  adminPort?: number;
  /** Where the snapshot of the routes is kept; without it there is none. */
  dataDir?: string;
  /** As returned by `readSettings`: empty, or `/like/this`. */
  basePath?: string;
  /** Unique among the proxies of one control plane. Default `<host name>-<port>`: the same after every restart. */
  proxyId?: string;
  trustForwarded?: boolean;
  engine?: ProxyEngine;
  maxInFlight?: number;
  limits?: Partial<ForwarderLimits>;
  shutdownGraceMs?: number;
  /** For tests. */
  clock?: Clock;
  random?: () => number;
}

const FORWARDERS: Record<ProxyEngine, CreateForwarder> = { native: createEngineForwarder, 'http-proxy': createHttpProxyForwarder };

export interface RunningProxy {
  readonly proxyId: string;
  readonly proxyUrl: string;
  readonly adminUrl: string;
  /** Stops accepting, lets what runs finish (bounded), says goodbye to the control plane. Never rejects; a second call waits for the first. */
  close(): Promise<void>;
}

/**
 * Starts one data plane. Resolves when it listens and has tried once to get its table: from the store, else from the snapshot on disk.
 * Without either it answers 503 `not_ready` until the store can be read. Rejects when an address cannot be had.
 */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { bus, log, clock = realClock, random = Math.random, host = '127.0.0.1' } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  let forwarder: Forwarder | null = null;

  const registry = new InstanceRegistry((instance) => forwarder?.release(instance));
  const table = new TableHolder(registry, random);
  const sync = new RouteSync({
    bus,
    sink: table,
    clock,
    random,
    log,
    onChange: () => onRoutesChanged(),
    onRejection: () => metrics.rejection(),
  });
  const metrics = new ProxyMetrics({
    inFlight: () => gateway.inFlight,
    seenRevision: () => sync.seen?.revision ?? null,
    appliedRevision: () => sync.applied?.revision ?? null,
    connected: () => bus.connected,
    apps: () => sync.documents.size,
  });
  const mirrors = new MirrorSender();
  const gateway = new ProxyGateway({
    resolver: table,
    mirrors,
    metrics,
    ids: createRandomIds(),
    random,
    now: () => performance.now(),
    basePath: options.basePath ?? '',
    trustForwarded: options.trustForwarded ?? false,
    maxInFlight: options.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT,
    log,
    logBudget: new LogBudget(() => clock.now()),
  });
  const snapshot = (): RouteSnapshot | null => {
    const applied = sync.applied;
    return applied === null ? null : { ...applied, documents: [...sync.documents.values()] };
  };
  const file = options.dataDir === undefined ? null : new SnapshotFile(join(options.dataDir, 'proxy-snapshot.json'), clock, log, snapshot);
  let reporter: Reporter | null = null;
  const onRoutesChanged = () => {
    table.ready = sync.source !== 'none';
    reporter?.now();
    if (sync.source === 'live') file?.changed();
  };

  const admin = new AdminServer({
    readiness: () => ({
      ready: table.ready,
      source: sync.source,
      epoch: sync.applied?.epoch ?? null,
      revision: sync.applied?.revision ?? null,
      busConnected: bus.connected,
      lastRejection: sync.lastRejection,
    }),
    table: () => ({
      source: sync.source,
      seen: sync.seen,
      ...sync.told,
      inFlight: registry.inFlight(),
      documents: [...sync.documents.values()],
    }),
    metrics: async () => ({ contentType: metrics.registry.contentType, text: await metrics.registry.metrics() }),
  });

  const opened = FORWARDERS[options.engine ?? DEFAULT_ENGINE](gateway, limits);
  forwarder = opened;
  const proxyAddress = await opened.listen(host, options.port ?? 0);
  let adminAddress: Awaited<ReturnType<AdminServer['listen']>>;
  try {
    adminAddress = await admin.listen(host, options.adminPort ?? 0);
  } catch (error) {
    await opened.close(0);
    throw error;
  }
  const proxyId = options.proxyId ?? defaultProxyId(proxyAddress.port);
  const adminUrl = urlOf(host, adminAddress.port);
  const bootId = randomUUID();

  await sync.start();
  if (sync.source === 'none' && file !== null) await loadSnapshot(file, sync, log);
  reporter = new Reporter(bus, clock, () => ({
    proxyId,
    bootId,
    // For others to call: of several machines or containers, each is 127.0.0.1 only to itself.
    adminUrl: urlOf(host, adminAddress.port, hostname()),
    ...sync.told,
    inFlight: registry.inFlight(),
  }));
  reporter.start();

  let closing: Promise<void> | null = null;
  const close = async () => {
    // Reports go on while requests finish: the control plane may be waiting for them to end.
    await opened.close(options.shutdownGraceMs ?? DEFAULT_SHUTDOWN_GRACE_MS);
    mirrors.close();
    sync.close();
    await reporter?.close();
    await file?.close();
    await admin.close();
  };
  return {
    proxyId,
    proxyUrl: urlOf(host, proxyAddress.port),
    adminUrl,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

async function loadSnapshot(file: SnapshotFile, sync: RouteSync, log: ProxyLog): Promise<void> {
  const loaded = await file.load();
  if (loaded === null) return;
  if (!loaded.ok) {
    log.warn({ reason: loaded.reason }, 'the snapshot of the routes is of no use');
    return;
  }
  if (sync.loadSnapshot(loaded.value))
    log.warn({ revision: loaded.value.revision }, 'routing by the snapshot on disk until the route store can be read');
}

/** Two proxies on one machine have two ports, and two containers have two host names. */
function defaultProxyId(port: number): string {
  const host = hostname()
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '');
  return `${host.slice(0, 100) || 'proxy'}-${port}`;
}

/** An address to call, also when all interfaces are listened on. */
function urlOf(host: string, port: number, whenAll = '127.0.0.1'): string {
  const callable = host === '0.0.0.0' || host === '::' ? whenAll : host;
  return `http://${callable.includes(':') ? `[${callable}]` : callable}:${port}`;
}
