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
import type { PublisherBus } from './bus.js';
import { RedisLink, results } from './redis-link.js';

const FIRST_CONNECT_MS = 2_000;
/** Documents in one HSET: a command has an upper limit of arguments, and of patience. */
const CHUNK = 500;

export interface RedisBusOptions {
  /** redis://[user:password@]host:port[/db] or rediss:// */
  url: string;
  /** Of all keys and channels; default `fabric:`. */
  prefix?: string;
}

/**
 * Stores the document, moves the head and tells, in one step; nothing when the head is there already or further: a publisher that
 * lost its lease without noticing cannot turn the clock back.
 */
const PUBLISH = `
  if redis.call('HGET', KEYS[2], 'epoch') == ARGV[1] and tonumber(redis.call('HGET', KEYS[2], 'revision')) >= tonumber(ARGV[2]) then return 0 end
  if ARGV[4] == '' then redis.call('HDEL', KEYS[1], ARGV[3]) else redis.call('HSET', KEYS[1], ARGV[3], ARGV[4]) end
  redis.call('HSET', KEYS[2], 'epoch', ARGV[1], 'revision', ARGV[2])
  redis.call('PUBLISH', ARGV[5], ARGV[6])
  return 1`;

/** Resolves also while Redis cannot be reached, after 2 s; it goes on being tried. */
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
    return this.link.call(async (redis) => readStoredHead(await redis.hgetall(this.names.head)));
  }

  async publish(change: RouteChange): Promise<void> {
    const { epoch, revision, key, document } = change;
    const { documents, head, changes } = this.names;
    const stored = document ? JSON.stringify(document) : '';
    const message = JSON.stringify({ type: 'change', change });
    await this.link.call((redis) => redis.eval(PUBLISH, 2, documents, head, epoch, revision, key, stored, changes, message));
  }

  async replaceAll({ epoch, revision, documents }: RouteSnapshot): Promise<void> {
    await this.link.call(async (redis) => {
      const transaction = redis.multi().del(this.names.documents);
      for (let from = 0; from < documents.length; from += CHUNK) {
        const chunk = documents.slice(from, from + CHUNK);
        transaction.hset(
          this.names.documents,
          ...chunk.flatMap((document) => [appKey(document.routes.namespace, document.routes.app), JSON.stringify(document)]),
        );
      }
      transaction.hset(this.names.head, 'epoch', epoch, 'revision', revision);
      transaction.publish(this.names.changes, JSON.stringify({ type: 'reset' }));
      results(await transaction.exec());
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

  close(): Promise<void> {
    return this.link.close();
  }
}

/** null when nothing was ever published, or what is stored is no head. */
export function readStoredHead(stored: Record<string, string>): RouteHead | null {
  const { epoch, revision } = stored;
  return epoch !== undefined && revision !== undefined && /^\d{1,16}$/.test(revision) ? { epoch, revision: Number(revision) } : null;
}

function readReport(text: string): ProxyReport | null {
  try {
    const parsed = parseProxyReport(JSON.parse(text));
    return parsed.ok ? parsed.value : null;
  } catch {
    return null;
  }
}
