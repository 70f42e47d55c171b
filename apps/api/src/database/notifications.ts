import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import pg from 'pg';
import type { Logger } from 'pino';
import type { ApiConfig } from '../config/api-config.js';
import { CONFIG, LOGGER } from '../tokens.js';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * LISTEN: what other replicas committed. Only a wake-up, never the truth: every listener also looks by itself now and then, since a
 * notification can be lost with the connection (and the embedded database delivers none). After each reconnect all listeners are called.
 */
@Injectable()
export class Notifications implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly listeners = new Map<string, Set<(payload: string) => void>>();
  private client: pg.Client | null = null;
  private retryTimer: NodeJS.Timeout | null = null;
  private retryMs = FIRST_RETRY_MS;
  private stopped = false;

  constructor(
    @Inject(CONFIG) private readonly config: ApiConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** To be called before the application has started. `channel` is a plain identifier. The payload is '' after a reconnect. */
  on(channel: string, listener: (payload: string) => void): void {
    const listeners = this.listeners.get(channel) ?? new Set();
    listeners.add(listener);
    this.listeners.set(channel, listeners);
  }

  onApplicationBootstrap(): void {
    void this.connect();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    if (this.retryTimer) clearTimeout(this.retryTimer);
    await this.client?.end().catch(() => undefined);
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.config.databaseUrl,
      application_name: 'app-fabric-listen',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    });
    this.client = client;
    client.on('error', () => undefined); // 'end' follows
    client.on('end', () => this.retry(client));
    client.on('notification', ({ channel, payload }) => {
      for (const listener of this.listeners.get(channel) ?? []) listener(payload ?? '');
    });
    try {
      await client.connect();
      for (const channel of this.listeners.keys()) await client.query(`LISTEN ${channel}`);
      this.retryMs = FIRST_RETRY_MS;
      for (const listeners of this.listeners.values()) for (const listener of listeners) listener('');
    } catch (error) {
      this.logger.debug({ err: error }, 'not listening to other replicas now');
      await client.end().catch(() => undefined);
      this.retry(client);
    }
  }

  private retry(client: pg.Client): void {
    if (this.stopped || this.client !== client || this.retryTimer) return;
    this.retryTimer = setTimeout(() => {
      this.retryTimer = null;
      void this.connect();
    }, this.retryMs);
    this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
  }
}
