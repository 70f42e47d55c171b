import { type AddressInfo, createServer } from 'node:net';
import type { CreateForwarder } from '../forwarder.js';

/** The same forwarder, getting its connections from somebody else's server, as in a worker process. */
export function handedOver(createForwarder: CreateForwarder): CreateForwarder {
  return (gateway, limits) => {
    const forwarder = createForwarder(gateway, limits);
    const server = createServer((socket) => forwarder.accept(socket));
    return {
      listen: (host, port) =>
        new Promise((resolve, reject) => {
          server.once('error', reject);
          server.listen({ host, port }, () => resolve(server.address() as AddressInfo));
        }),
      accept: (socket) => forwarder.accept(socket),
      get connections() {
        return forwarder.connections;
      },
      release: (instance) => forwarder.release(instance),
      close: async (graceMs) => {
        server.close();
        await forwarder.close(graceMs);
      },
    };
  };
}
