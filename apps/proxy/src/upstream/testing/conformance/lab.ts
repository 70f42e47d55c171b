import type { CreateForwarder, Forwarder, ForwarderLimits } from '../../forwarder.js';
import { FakeGateway } from '../fake-gateway.js';
import { type RawMessage, RawPeer } from '../raw-client.js';
import { RawInstance } from '../raw-instance.js';

/** Generous where a case does not speak of the limit: a busy machine must not trip them. */
const TEST_LIMITS: ForwarderLimits = {
  headBytes: 16 * 1024,
  targetBytes: 8 * 1024,
  bodyBytes: 0,
  headTimeoutMs: 10_000,
  clientIdleMs: 10_000,
  connectTimeoutMs: 2_000,
  responseTimeoutMs: 10_000,
  requestTimeoutMs: 0,
  minBodyBytesPerSecond: 0,
  streamIdleMs: 10_000,
  tunnelIdleMs: 10_000,
  instanceIdleMs: 10_000,
  connectionsPerInstance: 100,
  queuePerInstance: 100,
  queueTimeoutMs: 2_000,
  clientConnections: 1_000,
  lameDuckMs: 0,
};

/** One forwarder between raw clients and raw instances. */
export interface Bench {
  port: number;
  gateway: FakeGateway;
  forwarder: Forwarder;
  /** The first instance. */
  instance: RawInstance;
  client(): Promise<RawPeer>;
  /** A new client sends `bytes`; resolves when the instance has the head on a new connection. */
  begin(bytes: string): Promise<{ peer: RawPeer; upstream: RawPeer; head: RawMessage }>;
}

/** What one case may use; everything that it opened is closed after it. */
export class Lab {
  readonly #createForwarder: CreateForwarder;
  readonly #cleanups: (() => Promise<void> | void)[] = [];

  constructor(createForwarder: CreateForwarder) {
    this.#createForwarder = createForwarder;
  }

  // Fields, not methods: cases take the lab apart.
  readonly instance = async (id = 'a', host?: string): Promise<RawInstance> => {
    const made = await RawInstance.start(id, host);
    this.#cleanups.push(() => made.close());
    return made;
  };

  readonly bench = async (
    limits: Partial<ForwarderLimits> = {},
    instances?: RawInstance[],
    { listen, dial }: { listen: string; dial: string } = { listen: '127.0.0.1', dial: '127.0.0.1' },
  ): Promise<Bench> => {
    const list = instances ?? [await this.instance()];
    const gateway = new FakeGateway(list.map((one) => one.state));
    const forwarder = this.#createForwarder(gateway, { ...TEST_LIMITS, ...limits });
    const { port } = await forwarder.listen(listen, 0);
    this.#cleanups.push(() => forwarder.close(0));
    const instance = list[0] as RawInstance;
    const client = async (): Promise<RawPeer> => {
      const peer = await RawPeer.connect(port, dial);
      this.#cleanups.push(() => peer.close());
      return peer;
    };
    return {
      port,
      gateway,
      forwarder,
      instance,
      client,
      begin: async (bytes) => {
        const peer = await client();
        peer.send(bytes);
        const upstream = await instance.connection();
        return { peer, upstream, head: await upstream.readHead() };
      },
    };
  };

  /** To be done after the case, however it ends. */
  readonly later = (cleanup: () => Promise<void> | void): void => {
    this.#cleanups.push(cleanup);
  };

  async close(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }
}
