import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** An instance of a service inside the test, to be registered by its URL: it sees each request, and answers when the test says so. */
export class OwnInstance {
  /** Heads of the requests that came, in order; the body is read. */
  readonly seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = [];
  /** What to do with the next requests. */
  handle: Handler = (_request, response) => response.end('own');
  private readonly server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      this.seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      this.handle(request, response, body);
    });
  });

  static async start(): Promise<OwnInstance> {
    const instance = new OwnInstance();
    // It is the proxy that closes idle connections, never a race between the two.
    instance.server.keepAliveTimeout = 120_000;
    instance.server.listen(0, '127.0.0.1');
    await once(instance.server, 'listening');
    return instance;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}
