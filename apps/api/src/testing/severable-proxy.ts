import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP way to a server that a test can cut. */
export interface SeverableProxy {
  /** `target` with this proxy's address in place of the server's. */
  url: string;
  /** Cuts all connections and takes no new ones. */
  cut(): Promise<void>;
  /** Takes connections again, on the same port. */
  mend(): Promise<void>;
  /** Once: cuts the connection in whose requests `text` appears; with `afterServerGotIt`, only when the server's answer to it comes, which is lost. */
  cutOn(text: string, options: { afterServerGotIt: boolean }): void;
  close(): Promise<void>;
}

/** `target`: the URL of a server. Starts cut when `mended` is false. */
export async function createSeverableProxy(target: string, { mended = true } = {}): Promise<SeverableProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let trap: { text: string; afterServerGotIt: boolean } | null = null;
  const server = createServer((client) => {
    const upstream = connect(Number(port || 5432), hostname);
    let loseAnswer = false;
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end).on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on('data', (chunk) => {
      if (trap && chunk.includes(trap.text)) {
        const { afterServerGotIt } = trap;
        trap = null;
        if (!afterServerGotIt) return end();
        loseAnswer = true;
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => (loseAnswer ? end() : client.write(chunk)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const own = (server.address() as AddressInfo).port;
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(own);
  const cut = async () => {
    const closed = server.listening ? once(server, 'close') : undefined;
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  if (!mended) await cut();
  return {
    url: url.href,
    cut,
    async mend() {
      server.listen(own, '127.0.0.1');
      await once(server, 'listening');
    },
    cutOn(text, { afterServerGotIt }) {
      trap = { text, afterServerGotIt };
    },
    close: cut,
  };
}
