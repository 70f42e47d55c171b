import { randomUUID } from 'node:crypto';
import {
  appKey,
  type BusNames,
  busNames,
  type ProxyReport,
  parseProxyReport,
  type RouteChange,
  type RouteHead,
  type RouteSnapshot,
} from '@app-fabric/contracts';
import type { PublisherBus, StoredFrame } from './bus.js';
import { readFrames } from './redis-frames.js';
import { RedisLink, results } from './redis-link.js';
import { PUBLISH, REPLACE_ALL, readHead } from './redis-store.js';

const FIRST_CONNECT_MS = 2_000;
/** Documents in one HSET: a command has an upper limit of arguments, and of patience. */
const CHUNK = 500;

export interface RedisBusOptions {
  /** redis://[user:password@]host:port[/db] or rediss:// */
  url: string;
  /** Of all keys and channels; default `fabric:`. */
  prefix?: string;
}

/** A longer report is not read: it would hold up everything else. The longest that makes sense names 100,000 instances. */
const MAX_REPORT_CHARACTERS = 16 * 1024 * 1024;
/** A state that is being written, should its writer die. */
const STAGING_MS = 60_000;

/** Resolves also while Redis cannot be reached, after 2 s at most; it goes on being tried. */
export async function connectRedisPublisher({ url, prefix }: RedisBusOptions): Promise<PublisherBus> {
  const bus = new RedisPublisher(url, busNames(prefix));
  await bus.link.settled(FIRST_CONNECT_MS);
  return bus;
}

class RedisPublisher implements PublisherBus {
  readonly link: RedisLink;
  private readonly reportListeners = new Set<(report: ProxyReport) => void>();

  constructor(
    url: string,
    private readonly names: BusNames,
  ) {
    this.link = new RedisLink(url, names.reports, (text) => {
      const report = readReport(text);
      if (report) for (const listener of this.reportListeners) listener(report);
    });
  }

  get connected(): boolean {
    return this.link.connected;
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    return this.link.onConnection(listener);
  }

  onReport(listener: (report: ProxyReport) => void): () => void {
    this.reportListeners.add(listener);
    return () => this.reportListeners.delete(listener);
  }

  head(): Promise<RouteHead | null> {
    return this.link.call((redis) => readHead(redis, this.names));
  }

  async publish(change: RouteChange): Promise<boolean> {
    const { epoch, revision, previous, key, document } = change;
    const { documents, head, changes } = this.names;
    const stored = document ? JSON.stringify(document) : '';
    const message = JSON.stringify({ type: 'change', change });
    const done = await this.link.call((redis) =>
      redis.eval(PUBLISH, 2, documents, head, epoch, revision, previous, key, stored, changes, message),
    );
    return done === 1;
  }

  /** The documents are first written beside, in pieces: Redis serves others meanwhile, and the step that counts is short. */
  replaceAll({ epoch, revision, documents }: RouteSnapshot, expected: RouteHead | null): Promise<boolean> {
    const { documents: target, head, changes } = this.names;
    const staging = `${target}:${randomUUID()}`;
    return this.link.call(async (redis) => {
      for (let from = 0; from < documents.length; from += CHUNK) {
        const chunk = documents
          .slice(from, from + CHUNK)
          .flatMap((document) => [appKey(document.routes.namespace, document.routes.app), JSON.stringify(document)]);
        results(
          await redis
            .multi()
            .hset(staging, ...chunk)
            .pexpire(staging, STAGING_MS)
            .exec(),
        );
      }
      const message = JSON.stringify({ type: 'reset' });
      const before = expected ?? { epoch: '', revision: '' };
      const done = await redis.eval(
        REPLACE_ALL,
        3,
        target,
        head,
        staging,
        before.epoch,
        before.revision,
        epoch,
        revision,
        documents.length,
        changes,
        message,
      );
      return done === 1;
    });
  }

  proxies(): Promise<ProxyReport[]> {
    return this.link.call(async (redis) => {
      const ids = await redis.smembers(this.names.proxies);
      if (ids.length === 0) return [];
      const reports = await redis.mget(ids.map((id) => this.names.proxy(id)));
      const gone = ids.filter((_, index) => reports[index] === null);
      if (gone.length > 0) await redis.srem(this.names.proxies, ...gone);
      return reports.map((text) => (text === null ? null : readReport(text))).filter((report) => report !== null && report !== undefined);
    });
  }

  measurements(limit: number): Promise<StoredFrame[]> {
    return this.link.call((redis) => readFrames(redis, this.names.measurements, limit));
  }

  async removeMeasurements(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.link.call((redis) => redis.xdel(this.names.measurements, ...ids));
  }

  close(): Promise<void> {
    return this.link.close();
  }
}

function readReport(text: string): ProxyReport | null {
  if (text.length > MAX_REPORT_CHARACTERS) return null;
  try {
    const parsed = parseProxyReport(JSON.parse(text));
    return parsed.ok ? parsed.value : null;
  } catch {
    return null;
  }
}
