import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Forwarder, ForwarderLimits, Gateway } from '../upstream/forwarder.js';
import type { InstanceState } from '../upstream/instance.js';
import { ASK_EVERY_MS } from '../upstream/notice-reset.js';
import { ClientConnection } from './client-connection.js';
import { Deadlines } from './deadlines.js';
import type { EngineContext } from './engine-context.js';
import { InstancePool } from './instance-pool.js';
import type { InstancePools } from './transfer.js';

/** The data path on raw sockets, with the proxy's own HTTP/1.1 (see ../http1). */
export function createEngineForwarder(gateway: Gateway, limits: ForwarderLimits): Forwarder {
  return new EngineForwarder(gateway, limits);
}

class EngineForwarder implements Forwarder, EngineContext, InstancePools {
  draining = false;
  #closed = false;
  readonly #server: Server;
  readonly #deadlines: Deadlines;
  readonly #clients = new Set<ClientConnection>();
  readonly #pools = new Map<InstanceState, InstancePool>();
  readonly #resetClock: NodeJS.Timeout;
  #onLastGone: (() => void) | null = null;

  constructor(
    readonly gateway: Gateway,
    readonly limits: ForwarderLimits,
  ) {
    const {
      headTimeoutMs,
      clientIdleMs,
      connectTimeoutMs,
      responseTimeoutMs,
      requestTimeoutMs,
      streamIdleMs,
      instanceIdleMs,
      queueTimeoutMs,
    } = limits;
    const timeouts = [
      headTimeoutMs,
      clientIdleMs,
      connectTimeoutMs,
      responseTimeoutMs,
      requestTimeoutMs,
      streamIdleMs,
      instanceIdleMs,
      queueTimeoutMs,
    ];
    this.#deadlines = new Deadlines(Math.min(...timeouts.filter((ms) => ms > 0)), () => performance.now());
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#take(socket));
    this.#server.maxConnections = limits.clientConnections;
    this.#resetClock = setInterval(() => {
      for (const client of this.#clients) client.noticeReset();
    }, ASK_EVERY_MS);
    this.#resetClock.unref();
  }

  get now(): number {
    return this.#deadlines.now;
  }

  async listen(host: string, port: number): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.removeListener('error', reject);
        resolve();
      });
    });
    return this.#server.address() as AddressInfo;
  }

  accept(socket: Socket): boolean {
    if (this.#closed) return false;
    if (this.#clients.size >= this.limits.clientConnections) {
      socket.destroy();
      return true;
    }
    socket.allowHalfOpen = true;
    socket.setNoDelay(true);
    this.#take(socket);
    return true;
  }

  get connections(): number {
    return this.#clients.size;
  }

  poolOf(instance: InstanceState): InstancePool {
    let pool = this.#pools.get(instance);
    if (pool === undefined) {
      pool = new InstancePool(instance, this, this.#deadlines, (empty) => {
        if (this.#pools.get(instance) === empty) this.#pools.delete(instance);
      });
      this.#pools.set(instance, pool);
    }
    return pool;
  }

  release(instance: InstanceState): void {
    this.#pools.get(instance)?.closeIdle();
  }

  async close(graceMs: number): Promise<void> {
    this.draining = true;
    const lameDuckMs = Math.min(this.limits.lameDuckMs, graceMs);
    await this.#untilNobodyIsLeft(lameDuckMs);
    this.#closed = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const client of this.#clients) if (client.idle) client.close();
    await this.#untilNobodyIsLeft(graceMs - lameDuckMs);
    for (const client of this.#clients) client.close();
    await closed;
    for (const pool of [...this.#pools.values()]) pool.closeIdle();
    this.#deadlines.close();
    clearInterval(this.#resetClock);
  }

  /** At most so long. */
  async #untilNobodyIsLeft(ms: number): Promise<void> {
    if (this.#clients.size === 0 || ms === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onLastGone = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }

  #take(socket: Socket): void {
    const client = new ClientConnection(this, socket, (gone) => {
      this.#deadlines.remove(gone);
      if (gone.requestClock !== null) this.#deadlines.remove(gone.requestClock);
      this.#clients.delete(gone);
      if (this.#clients.size === 0) this.#onLastGone?.();
    });
    this.#clients.add(client);
    this.#deadlines.add(client);
    if (client.requestClock !== null) this.#deadlines.add(client.requestClock);
  }
}
