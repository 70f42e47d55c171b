import { type BusNames, busNames, type MeasurementFrame, type ProxyReport, REPORT_TTL_MS, type RouteHead } from '@app-fabric/contracts';
import { BusUnavailableError, type RawSnapshot, type RouteMessage, type SubscriberBus } from './bus.js';
import { storeFrame } from './redis-frames.js';
import { RedisLink, results } from './redis-link.js';
import type { RedisBusOptions } from './redis-publisher.js';
import { readHead, toHead } from './redis-store.js';

const FIRST_CONNECT_MS = 2_000;

/** Resolves also while Redis cannot be reached, after 2 s at most; it goes on being tried. */
export async function connectRedisSubscriber({ url, prefix }: RedisBusOptions): Promise<SubscriberBus> {
  const bus = new RedisSubscriber(url, busNames(prefix));
  await bus.link.settled(FIRST_CONNECT_MS);
  return bus;
}

class RedisSubscriber implements SubscriberBus {
  readonly link: RedisLink;
  private listener: ((message: RouteMessage) => void) | null = null;

  constructor(
    url: string,
    private readonly names: BusNames,
  ) {
    this.link = new RedisLink(url, names.changes, (text) => this.listener?.(readMessage(text)));
  }

  get connected(): boolean {
    return this.link.connected;
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    return this.link.onConnection(listener);
  }

  async subscribe(listener: (message: RouteMessage) => void): Promise<void> {
    this.listener = listener;
    if (!this.connected) throw new BusUnavailableError('Redis is not connected');
  }

  head(): Promise<RouteHead | null> {
    return this.link.call((redis) => readHead(redis, this.names));
  }

  readAll(): Promise<RawSnapshot | null> {
    return this.link.aside(async (redis) => {
      const [head, documents] = results(await redis.multi().hgetall(this.names.head).hgetall(this.names.documents).exec());
      const texts = new Map(Object.entries(documents as Record<string, string>));
      const stored = toHead(head as Record<string, string>, texts.size);
      return stored && { ...stored, documents: texts };
    });
  }

  async report(report: ProxyReport): Promise<void> {
    const { proxies, proxy, reports } = this.names;
    const text = JSON.stringify(report);
    await this.link.call(async (redis) => {
      // No transaction: they are carried out in this order, and if the connection is lost between two of them, the next report says all again.
      const commands = redis.pipeline();
      if (report.leaving) commands.del(proxy(report.proxyId)).srem(proxies, report.proxyId);
      else commands.set(proxy(report.proxyId), text, 'PX', REPORT_TTL_MS).sadd(proxies, report.proxyId);
      results(await commands.publish(reports, text).exec());
    });
  }

  async sendMeasurements(frame: MeasurementFrame): Promise<void> {
    await this.link.call((redis) => storeFrame(redis, this.names.measurements, frame));
  }

  close(): Promise<void> {
    this.listener = null;
    return this.link.close();
  }
}

/** What cannot be read is passed on as a change that the receiver will refuse: it must notice, not overlook. */
function readMessage(text: string): RouteMessage {
  const message = parseJson(text);
  if (typeof message === 'object' && message !== null && 'type' in message) {
    if (message.type === 'reset') return { type: 'reset' };
    if (message.type === 'change' && 'change' in message) return { type: 'change', change: message.change };
  }
  return { type: 'change', change: null };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
