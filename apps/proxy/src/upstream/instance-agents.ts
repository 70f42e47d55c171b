import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { InstanceState } from './instance.js';

/** The instance may close a kept connection after the time it names; one second earlier we do, so that no request meets a closing door. */
const HINT_MARGIN_MS = 1_000;

type Agent = http.Agent | https.Agent;

/** What Node's agent hands to its hook. */
type PooledSocket = Socket & { _httpMessage?: { res?: http.IncomingMessage } };

/** Node's documented hooks of an agent, which its types leave out. */
interface AgentHooks {
  keepSocketAlive(socket: PooledSocket): boolean;
  reuseSocket(socket: Socket, request: http.ClientRequest): void;
}

/** Keep-alive connections, one agent for each instance. */
export class InstanceAgents {
  readonly #idleMs: number;
  readonly #maxConnections: number;
  readonly #agents = new Map<InstanceState, Agent>();

  constructor(options: { idleMs: number; maxConnections: number }) {
    this.#idleMs = options.idleMs;
    this.#maxConnections = options.maxConnections;
  }

  agentFor(instance: InstanceState): Agent {
    let agent = this.#agents.get(instance);
    if (agent === undefined) {
      agent = this.#create(instance);
      if (!instance.leaving) this.#agents.set(instance, agent);
    }
    return agent;
  }

  /** True when a request to the instance would have to wait for a connection, and as many as `places` do so already. */
  isFull(instance: InstanceState, places: number): boolean {
    const agent = this.#agents.get(instance);
    if (agent === undefined || count(agent.sockets) < this.#maxConnections || count(agent.freeSockets) > 0) return false;
    let waiting = 0;
    // Given up by their clients, they stay in Node's queue until their turn comes.
    for (const queue of Object.values(agent.requests)) for (const request of queue ?? []) if (!request.destroyed) waiting += 1;
    return waiting >= places;
  }

  /** An agent whose connection is new and used once. */
  freshAgent(instance: InstanceState): Agent {
    return instance.address.protocol === 'https:' ? new https.Agent({ keepAlive: false }) : new http.Agent({ keepAlive: false });
  }

  /** Closes the idle connections; busy ones close after their request, because the instance is `leaving` by now. */
  release(instance: InstanceState): void {
    const agent = this.#agents.get(instance);
    this.#agents.delete(instance);
    for (const sockets of Object.values(agent?.freeSockets ?? {})) for (const socket of sockets ?? []) socket.destroy();
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #create(instance: InstanceState): Agent {
    const options = {
      keepAlive: true,
      maxSockets: this.#maxConnections,
      maxFreeSockets: this.#maxConnections,
      scheduling: 'lifo' as const,
    };
    const agent = instance.address.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
    // Node's documented hook: decides whether a socket goes back to the pool. It runs after each request.
    const hooks = agent as unknown as AgentHooks;
    const onStray = function (this: Socket) {
      this.destroy();
    };
    // Node's own takes away the error listener that each stay in the pool has added.
    const reuseSocket = hooks.reuseSocket.bind(agent);
    hooks.reuseSocket = (socket, request) => {
      socket.off('data', onStray);
      reuseSocket(socket, request);
    };
    hooks.keepSocketAlive = (socket) => {
      const idleMs = Math.min(this.#idleMs, hintedIdleMs(socket._httpMessage?.res));
      if (instance.leaving || idleMs <= 0) return false;
      socket.setKeepAlive(true, 1_000);
      socket.unref();
      socket.setTimeout(idleMs);
      // What an instance says unasked would be taken for the answer to the next request.
      socket.on('data', onStray);
      socket.resume();
      return true;
    };
    return agent;
  }
}

function count(sockets: NodeJS.ReadOnlyDict<Socket[]>): number {
  return Object.values(sockets).reduce((sum, list) => sum + (list?.length ?? 0), 0);
}

function hintedIdleMs(answer: http.IncomingMessage | undefined): number {
  const seconds = /(?:^|[,\s])timeout=(\d{1,9})/.exec(String(answer?.headers['keep-alive'] ?? ''))?.[1];
  return seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 1_000 - HINT_MARGIN_MS;
}
