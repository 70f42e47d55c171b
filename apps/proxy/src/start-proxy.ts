import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { SubscriberBus } from '@app-fabric/bus';
import type { Tracing } from '@app-fabric/tracing';
import { Registry } from 'prom-client';
import { AdminServer } from './admin/admin-server.js';
import { DEFAULT_SHUTDOWN_GRACE_MS } from './config/read-settings.js';
import { DataPath, type DataPathOptions } from './data-path.js';
import { FrameSender } from './measurements/frame-sender.js';
import { TableMetrics } from './metrics/table-metrics.js';
import type { RequestSide } from './request-side.js';
import { type Clock, realClock } from './table/clock.js';
import { Reporter } from './table/reporter.js';
import { RouteSync } from './table/route-sync.js';
import { SnapshotFile, type SnapshotToWrite } from './table/snapshot-file.js';
import { ApplySpans } from './tracing/apply-spans.js';
import { WorkerSide } from './workers/worker-side.js';
import { workersOf } from './workers/workers-of.js';

/** What the proxy writes its log with: pino has this shape. */
export interface ProxyLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
}

export interface ProxyOptions extends DataPathOptions {
  /** Closed by the caller, after the proxy. */
  bus: SubscriberBus;
  log: ProxyLog;
  /** Closed by the caller, after the proxy. `null`, the default: nothing is recorded. */
  tracing?: Tracing | null;
  /** Default `127.0.0.1`. */
  host?: string;
  /** Default 0: a free one. */
  port?: number;
  adminPort?: number;
  /** Where the snapshot of the routes is kept; without it there is none. */
  dataDir?: string;
  /** Unique among the proxies of one control plane. Default `<host name>-<port>`: the same after every restart. */
  proxyId?: string;
  /** Processes that take requests. 1, the default: this one. */
  workers?: number;
  /** For tests. */
  clock?: Clock;
  random?: () => number;
}

export interface RunningProxy {
  readonly proxyId: string;
  readonly proxyUrl: string;
  readonly adminUrl: string;
  /** Resolves when requests are taken; workers that cannot start keep it waiting. */
  readonly served: Promise<void>;
  /** Stops accepting, lets what runs finish (bounded), says goodbye to the control plane. Never rejects; a second call waits for the first. */
  close(): Promise<void>;
}

/**
 * Starts one data plane. Resolves when it listens and has tried once to get its table: from the store, else from the snapshot on disk. With
 * workers, connections wait for them until {@link RunningProxy.served}.
 * Without either it answers 503 `not_ready` until the store can be read. Rejects when an address cannot be had.
 */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { bus, log, clock = realClock, random = Math.random, host = '127.0.0.1', tracing = null } = options;
  const onStanding = () => {
    reporter?.now();
    applySpans?.applied(side.standing.seenRevision);
  };
  const side: RequestSide =
    (options.workers ?? 1) > 1
      ? new WorkerSide({ ...workersOf(options), clock, log, onChange: onStanding })
      : new DataPath(options, { log, random, clock, tracing });
  let proxyId = options.proxyId ?? '';
  const applySpans = tracing === null ? undefined : new ApplySpans(tracing, () => proxyId);
  const sync = new RouteSync({
    bus,
    sink: side.sink,
    clock,
    random,
    log,
    onChange: () => onRoutesChanged(),
    onRejection: () => tableMetrics.rejection(),
    watcher: applySpans,
  });
  const tableMetrics = new TableMetrics({
    seenRevision: () => sync.seen?.revision ?? null,
    appliedRevision: () => side.standing.applied?.revision ?? null,
    connected: () => bus.connected,
    apps: () => sync.documents.size,
    ageMs: () => sync.ageMs,
  });
  const snapshot = (): SnapshotToWrite | null => {
    const applied = sync.applied;
    return applied === null ? null : { ...applied, documents: sync.documents.all() };
  };
  const file = options.dataDir === undefined ? null : new SnapshotFile(join(options.dataDir, 'proxy-snapshot.json'), clock, log, snapshot);
  let reporter: Reporter | null = null;
  let closing: Promise<void> | null = null;
  const onRoutesChanged = () => {
    side.routesChanged(sync.told, sync.source !== 'none');
    onStanding();
    if (sync.source === 'live') file?.changed();
  };

  const admin = new AdminServer({
    readiness: () => ({
      ready: side.ready && closing === null,
      stopping: closing !== null,
      source: sync.source,
      epoch: side.standing.applied?.epoch ?? null,
      revision: side.standing.applied?.revision ?? null,
      busConnected: bus.connected,
      lastRejection: sync.lastRejection,
      ...side.describe(),
    }),
    table: () => ({
      source: sync.source,
      seen: sync.seen,
      ...side.standing,
      inFlight: side.inFlight(),
      ...side.describe(),
      documents: sync.documents.all().map(({ json }) => JSON.parse(json) as unknown),
    }),
    metrics: async () => {
      const all = Registry.merge([tableMetrics.registry, await side.metrics()]);
      return { contentType: all.contentType, text: await all.metrics() };
    },
  });

  const proxyAddress = await side.listen(host, options.port ?? 0);
  let adminAddress: Awaited<ReturnType<AdminServer['listen']>>;
  try {
    adminAddress = await admin.listen(host, options.adminPort ?? 0);
  } catch (error) {
    await side.close(0);
    throw error;
  }
  proxyId = options.proxyId ?? defaultProxyId(proxyAddress.port);
  const bootId = randomUUID();

  await sync.start();
  if (sync.source === 'none' && file !== null) await loadSnapshot(file, sync, log, tableMetrics);
  const report = () => ({
    proxyId,
    bootId,
    // For others to call: of several machines or containers, each is 127.0.0.1 only to itself.
    adminUrl: urlOf(host, adminAddress.port, hostname()),
    ...side.standing,
    inFlight: side.inFlight(),
  });
  // Before requests are taken there is nobody to wait for.
  const served = side.start().then(() => {
    reporter = new Reporter(bus, clock, report);
    reporter.start();
  });
  const sender = new FrameSender({ bus, clock, now: () => performance.now(), proxyId, take: () => side.frames() });
  sender.start();

  const close = async () => {
    // Reports go on while requests finish: the control plane may be waiting for them to end.
    await side.close(options.shutdownGraceMs ?? DEFAULT_SHUTDOWN_GRACE_MS);
    sync.close();
    await sender.close();
    await reporter?.close();
    await file?.close();
    await admin.close();
  };
  return {
    proxyId,
    proxyUrl: urlOf(host, proxyAddress.port),
    adminUrl: urlOf(host, adminAddress.port),
    served,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** So many documents that cannot be read are named in the log. */
const MAX_NAMED = 20;

async function loadSnapshot(file: SnapshotFile, sync: RouteSync, log: ProxyLog, metrics: TableMetrics): Promise<void> {
  const loaded = await file.load();
  if (loaded === null) return;
  if (!loaded.ok) {
    log.warn({ reason: loaded.reason }, 'the snapshot of the routes is of no use');
    return;
  }
  const { value, unreadable } = loaded;
  if (!sync.loadSnapshot(value)) return;
  log.warn({ revision: value.revision }, 'routing by the snapshot on disk until the route store can be read');
  for (const document of unreadable.slice(0, MAX_NAMED))
    log.warn(document, 'an app is missing: its document in the snapshot of the routes cannot be read');
  if (unreadable.length > MAX_NAMED)
    log.warn({ more: unreadable.length - MAX_NAMED }, 'further documents of the snapshot cannot be read either');
  for (const _ of unreadable) metrics.rejection();
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
