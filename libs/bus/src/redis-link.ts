import { Redis } from 'ioredis';
import { BusUnavailableError } from './bus.js';

/** Nobody waits longer for one answer, but for those that are long in coming ({@link RedisLink.aside}). */
const COMMAND_TIMEOUT_MS = 2_000;
/** Of those nobody waits longer for the next piece. */
const SILENCE_MS = 5_000;
const CONNECT_TIMEOUT_MS = 2_000;
const LONGEST_RETRY_MS = 2_000;
/** A peer that is frozen, or gone without a word, answers no ping. */
const PING_MS = 2_000;

const SETTINGS = {
  connectTimeout: CONNECT_TIMEOUT_MS,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  keepAlive: 5_000,
};

/**
 * Two connections to one Redis: one for commands, one that only listens. Connected means both: commands are answered and messages arrive.
 * Goes on reconnecting for ever; a call meanwhile rejects at once, nothing queues up.
 */
export class RedisLink {
  readonly commands: Redis;
  private readonly listening: Redis;
  private readonly listeners = new Set<(connected: boolean) => void>();
  private readonly asides = new Set<Redis>();
  private readonly pings: NodeJS.Timeout;
  private subscribed = false;
  private wasConnected = false;
  private closed = false;

  /** `onMessage` gets every message of `channel`, as text. */
  constructor(
    private readonly url: string,
    private readonly channel: string,
    onMessage: (text: string) => void,
  ) {
    this.commands = connect(url);
    this.listening = connect(url);
    for (const redis of [this.commands, this.listening]) {
      redis.on('error', () => undefined); // 'close' follows; whoever calls meanwhile is told
      redis.on('close', () => {
        if (redis === this.listening) this.subscribed = false;
        this.settle();
      });
      redis.on('ready', () => void this.onReady(redis));
    }
    this.listening.on('message', (_channel: string, text: string) => onMessage(text));
    this.pings = setInterval(() => this.ping(), PING_MS);
  }

  get connected(): boolean {
    return this.subscribed && this.commands.status === 'ready';
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Resolves when connected, when nobody listens there, or after the time in any case: the connection goes on being tried. */
  async settled(timeoutMs: number): Promise<void> {
    if (this.connected) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => finish(), timeoutMs);
      const off = this.onConnection((connected) => connected && finish());
      const onError = ({ code }: NodeJS.ErrnoException) => code === 'ECONNREFUSED' && finish();
      this.commands.on('error', onError);
      const finish = () => {
        clearTimeout(timer);
        off();
        this.commands.off('error', onError);
        resolve();
      };
    });
  }

  /** Runs commands; whatever goes wrong on the way becomes a BusUnavailableError. */
  async call<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      return await work(this.commands);
    } catch (error) {
      throw new BusUnavailableError(`Redis cannot be used now: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }

  /**
   * As {@link call}, with a connection of its own: for an answer so large that it may take any time, as long as it goes on coming. On the others it
   * would hold up pings and reports until they are given up.
   */
  aside<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    return this.call(async () => {
      if (!this.connected || this.closed) throw new Error('it is not connected');
      const redis = new Redis(this.url, { ...SETTINGS, lazyConnect: true, retryStrategy: null, socketTimeout: SILENCE_MS });
      redis.on('error', () => undefined);
      this.asides.add(redis);
      try {
        await redis.connect();
        return await work(redis);
      } finally {
        this.asides.delete(redis);
        redis.disconnect();
      }
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.pings);
    this.listeners.clear();
    await Promise.all([this.commands, this.listening, ...this.asides].map(end));
  }

  private async onReady(redis: Redis): Promise<void> {
    if (redis === this.listening) {
      try {
        await redis.subscribe(this.channel);
        this.subscribed = true;
      } catch {
        if (!this.closed) redis.disconnect(true);
      }
    }
    this.settle();
  }

  private settle(): void {
    if (this.connected === this.wasConnected) return;
    this.wasConnected = this.connected;
    for (const listener of this.listeners) listener(this.wasConnected);
  }

  private ping(): void {
    for (const redis of [this.commands, this.listening]) {
      if (redis.status !== 'ready') continue;
      redis.ping().catch(() => {
        if (!this.closed && redis.status === 'ready') redis.disconnect(true);
      });
    }
  }
}

/** All answers of a transaction; the first failed command is thrown. */
export function results(answers: [Error | null, unknown][] | null): unknown[] {
  if (answers === null) throw new Error('the transaction was not carried out');
  return answers.map(([error, value]) => {
    if (error) throw error;
    return value;
  });
}

function connect(url: string): Redis {
  return new Redis(url, {
    ...SETTINGS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    retryStrategy: (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 6), LONGEST_RETRY_MS) * (0.5 + Math.random() / 2),
    // A replica that was a primary, or a server that is loading: another connection may find a better one.
    reconnectOnError: (error: Error) => /^(READONLY|LOADING)/.test(error.message),
  });
}

/** ioredis tells the end only of connections that there are. */
async function end(redis: Redis): Promise<void> {
  const isThere = redis.status === 'ready' || redis.status === 'connect' || redis.status === 'connecting';
  const ended = isThere ? new Promise<void>((resolve) => redis.once('end', () => resolve())) : null;
  redis.disconnect();
  await ended;
}
