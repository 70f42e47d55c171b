import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** Connections that wait because no worker is there to take them; more are closed at once. */
const MAX_WAITING = 1_000;
/** For so many ticks at most; then they are closed. */
const WAIT_TICKS = 5;

/** Where connections go. */
export class Receiver {
  /** Handed over, and not known to have arrived: still ours to give to another. */
  readonly handed = new Map<number, Socket>();
  /** Open there, as well as we know. */
  connections = 0;
  /** What was handed over before the last tick has not arrived: nothing more goes there meanwhile. */
  stuckOn: number | null = null;

  constructor(readonly hand: (id: number, socket: Socket) => void) {}
}

/**
 * Holds the proxy's port, accepts, and gives each connection to the worker that has the fewest. The copy of a connection is kept until the
 * worker says that it has it, and given to another one when that never happens: a crash loses only what the crashed one was working on.
 */
export class Acceptor {
  readonly #server: Server;
  readonly #receivers = new Set<Receiver>();
  #waiting: { socket: Socket; ticks: number }[] = [];
  #nextId = 1;
  /** The last one handed over before the last tick. */
  #lastTickId = 0;
  #closed = false;

  constructor() {
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      this.#give(socket);
    });
  }

  async listen(host: string, port: number): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.removeListener('error', reject);
        // Out of file descriptors, say: what cannot be accepted now stays in the kernel's queue.
        this.#server.on('error', () => undefined);
        resolve();
      });
    });
    return this.#server.address() as AddressInfo;
  }

  /** Connections that wait for a worker. */
  get waiting(): number {
    return this.#waiting.length;
  }

  add(receiver: Receiver): void {
    this.#receivers.add(receiver);
    this.#giveWaiting();
  }

  /** The receiver takes no more; what has not arrived there goes to another. */
  remove(receiver: Receiver): void {
    this.#receivers.delete(receiver);
    for (const socket of receiver.handed.values()) this.#give(socket);
    receiver.handed.clear();
  }

  arrived(receiver: Receiver, id: number): void {
    // The worker has a descriptor of its own; closing ours ends nothing.
    receiver.handed.get(id)?.destroy();
    receiver.handed.delete(id);
    if (this.#waiting.length > 0) this.#giveWaiting();
  }

  /** What the receiver says of itself. */
  counted(receiver: Receiver, connections: number): void {
    receiver.connections = connections + receiver.handed.size;
  }

  /** To be called every second. */
  tick(): void {
    for (const receiver of this.#receivers) {
      const oldest = receiver.handed.keys().next().value ?? null;
      receiver.stuckOn = oldest !== null && oldest <= this.#lastTickId ? oldest : null;
    }
    this.#lastTickId = this.#nextId - 1;
    for (const one of this.#waiting) one.ticks += 1;
    for (const { socket } of this.#waiting.filter(({ ticks }) => ticks > WAIT_TICKS)) socket.destroy();
    this.#waiting = this.#waiting.filter(({ ticks }) => ticks <= WAIT_TICKS);
  }

  /** Stops listening. What was handed over stays so. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#server.close();
    for (const { socket } of this.#waiting.splice(0)) socket.destroy();
  }

  #giveWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) this.#give(one.socket, one.ticks);
  }

  #give(socket: Socket, ticks = 0): void {
    if (this.#closed) {
      socket.destroy();
      return;
    }
    const receiver = this.#pick();
    if (receiver === null) {
      if (this.#waiting.length >= MAX_WAITING) socket.destroy();
      else this.#waiting.push({ socket, ticks });
      return;
    }
    const id = this.#nextId;
    this.#nextId += 1;
    receiver.handed.set(id, socket);
    receiver.connections += 1;
    receiver.hand(id, socket);
  }

  #pick(): Receiver | null {
    let best: Receiver | null = null;
    for (const receiver of this.#receivers) {
      if (receiver.stuckOn !== null && receiver.handed.has(receiver.stuckOn)) continue;
      if (best === null || receiver.connections < best.connections) best = receiver;
    }
    return best;
  }
}
