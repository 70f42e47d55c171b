import {
  appKey,
  MAX_STORED_FRAMES,
  type MeasurementFrame,
  type ProxyReport,
  parseMeasurementFrame,
  REPORT_TTL_MS,
  type RouteChange,
  type RouteHead,
  type RouteSnapshot,
} from '@app-fabric/contracts';
import type { PublisherBus, RawSnapshot, RouteMessage, StoredFrame, SubscriberBus } from './bus.js';

/**
 * Both ends within one process. Everything that passes is copied through JSON, so that the planes share no object and nothing
 * passes here that could not pass through Redis.
 */
export function createProcessBus(): { publisher: PublisherBus; subscriber: SubscriberBus } {
  const store = new MemoryStore();
  const lifetime = { connected: true, onConnection: () => () => undefined, close: async () => undefined };
  return {
    publisher: {
      ...lifetime,
      head: async () => store.head,
      publish: async (change) => store.publish(change),
      replaceAll: async (snapshot, expected) => store.replaceAll(snapshot, expected),
      proxies: async () => store.proxies(),
      onReport: (listener) => store.reports.add(listener),
      measurements: async (limit) => store.frames.list(limit),
      removeMeasurements: async (ids) => store.frames.remove(ids),
    },
    subscriber: {
      ...lifetime,
      subscribe: async (listener) => {
        store.messages.add(listener);
      },
      head: async () => store.head,
      readAll: async () => store.readAll(),
      report: async (report) => store.note(report),
      sendMeasurements: async (frame) => store.frames.add(frame),
    },
  };
}

class MemoryStore {
  readonly messages = new Listeners<RouteMessage>();
  readonly reports = new Listeners<ProxyReport>();
  readonly frames = new FrameStore();
  head: RouteHead | null = null;
  private readonly documents = new Map<string, string>();
  private readonly lastReports = new Map<string, { report: ProxyReport; atMs: number }>();

  publish(change: RouteChange): boolean {
    const { epoch, revision, previous, key, document } = change;
    if (this.head?.epoch !== epoch || this.head.revision !== previous) return false;
    if (document) this.documents.set(key, JSON.stringify(document));
    else this.documents.delete(key);
    this.head = { epoch, revision };
    this.messages.tell({ type: 'change', change: copy(change) });
    return true;
  }

  replaceAll({ epoch, revision, documents }: RouteSnapshot, expected: RouteHead | null): boolean {
    if (this.head?.epoch !== expected?.epoch || this.head?.revision !== expected?.revision) return false;
    this.documents.clear();
    for (const document of documents) this.documents.set(appKey(document.routes.namespace, document.routes.app), JSON.stringify(document));
    this.head = { epoch, revision };
    this.messages.tell({ type: 'reset' });
    return true;
  }

  readAll(): RawSnapshot | null {
    return this.head && { ...this.head, documents: new Map(this.documents) };
  }

  note(report: ProxyReport): void {
    if (report.leaving) this.lastReports.delete(report.proxyId);
    else this.lastReports.set(report.proxyId, { report: copy(report), atMs: performance.now() });
    this.reports.tell(copy(report));
  }

  proxies(): ProxyReport[] {
    const oldest = performance.now() - REPORT_TTL_MS;
    return [...this.lastReports.values()].filter(({ atMs }) => atMs > oldest).map(({ report }) => copy(report));
  }
}

class FrameStore {
  private readonly frames = new Map<string, { frame: unknown; atMs: number }>();
  private last = 0;

  add(frame: MeasurementFrame): void {
    this.last += 1;
    this.frames.set(String(this.last), { frame: copy(frame), atMs: performance.now() });
    const [oldest] = this.frames.keys();
    if (this.frames.size > MAX_STORED_FRAMES && oldest !== undefined) this.frames.delete(oldest);
  }

  list(limit: number): StoredFrame[] {
    const nowMs = performance.now();
    const oldest = [...this.frames.entries()].slice(0, limit);
    return oldest.map(([id, { frame, atMs }]) => ({ id, storedMs: nowMs - atMs, frame: parseMeasurementFrame(frame) }));
  }

  remove(ids: readonly string[]): void {
    for (const id of ids) this.frames.delete(id);
  }
}

/** Told in order, and never from within the call that tells. */
class Listeners<T> {
  private readonly listeners = new Set<(value: T) => void>();

  add(listener: (value: T) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(value: T): void {
    setImmediate(() => {
      for (const listener of this.listeners) listener(value);
    });
  }
}

function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
