import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { InstanceState } from '../instance.js';
import { type RawMessage, RawPeer } from './raw-client.js';

/** An instance made of bare sockets: each accepted connection is handed to the test in order. */
export class RawInstance {
  readonly state: InstanceState;
  readonly #server: Server;
  readonly #peers: RawPeer[] = [];
  readonly #waiting: ((peer: RawPeer) => void)[] = [];
  readonly #sockets = new Set<Socket>();
  accepted = 0;
  #bytes: Buffer[] = [];

  private constructor(server: Server, id: string) {
    this.#server = server;
    const { address, family, port } = server.address() as AddressInfo;
    this.state = new InstanceState({ id, url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}` });
    server.on('connection', (socket) => {
      this.accepted += 1;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('data', (chunk: Buffer) => this.#bytes.push(chunk));
      const peer = new RawPeer(socket);
      const next = this.#waiting.shift();
      if (next) next(peer);
      else this.#peers.push(peer);
    });
  }

  static async start(id = 'a', host = '127.0.0.1'): Promise<RawInstance> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    return new RawInstance(server, id);
  }

  /** The next connection that the forwarder opens. */
  connection(): Promise<RawPeer> {
    const peer = this.#peers.shift();
    if (peer) return Promise.resolve(peer);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no connection came')), 5_000);
      timer.unref();
      this.#waiting.push((next) => {
        clearTimeout(timer);
        resolve(next);
      });
    });
  }

  /** All that ever came, on all connections. */
  get received(): string {
    return Buffer.concat(this.#bytes).toString('latin1');
  }

  /** Answers every request on every connection from now on; resolves never before {@link close}. */
  async serve(answer: (request: RawMessage) => string | Promise<string>): Promise<void> {
    const serveOne = async (peer: RawPeer): Promise<void> => {
      for (;;) peer.send(await answer(await peer.readMessage()));
    };
    for (;;) {
      const peer = await this.connection().catch(() => null);
      if (peer === null) return;
      serveOne(peer).catch(() => undefined);
    }
  }

  /** Nobody listens any more; what is open stays open. */
  stopAccepting(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => undefined);
      resolve();
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
