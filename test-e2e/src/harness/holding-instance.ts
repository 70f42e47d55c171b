import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An instance that runs in the test: it answers when it is told to, and at once to `/now`. */
export interface HoldingInstance {
  url: string;
  /** Of every request that it has had to hold. */
  readonly headers: readonly IncomingHttpHeaders[];
  /** Requests that it has and has not answered. */
  held(): number;
  /** Answers that many of them, the oldest first. */
  release(count: number): void;
  close(): void;
}

export async function holdingInstance(name: string): Promise<HoldingInstance> {
  const waiting: ServerResponse[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    if (request.url === '/now') {
      response.end(name);
      return;
    }
    headers.push(request.headers);
    waiting.push(response);
    response.once('close', () => {
      const at = waiting.indexOf(response);
      if (at >= 0) waiting.splice(at, 1);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    headers,
    held: () => waiting.length,
    release: (count) => {
      for (const response of waiting.splice(0, count)) response.end(name);
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
