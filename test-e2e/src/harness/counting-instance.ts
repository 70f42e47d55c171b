import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What an instance has answered, by its own count. */
export interface Counts {
  requests: number;
  errors: number;
}

/** An instance that runs in the test and counts: the truth that metrics are held against. */
export class CountingInstance {
  /** By the address of the proxy that it was asked through. */
  readonly byProxy = new Map<string, Counts>();

  private constructor(
    readonly id: string,
    readonly url: string,
    readonly close: () => Promise<void>,
  ) {}

  /** Every `failEvery`-th request fails with 500; 0: none does. */
  static async start(id: string, failEvery = 0): Promise<CountingInstance> {
    let answered = 0;
    const server = createServer((request, response) => {
      answered += 1;
      const failed = failEvery > 0 && answered % failEvery === 0;
      instance.count(`http://${request.headers['x-forwarded-host']}`, failed);
      response.writeHead(failed ? 500 : 200).end('ok');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const close = () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    const instance = new CountingInstance(id, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close);
    return instance;
  }

  get counts(): Counts {
    return sum([...this.byProxy.values()]);
  }

  private count(proxy: string, failed: boolean): void {
    const counts = this.byProxy.get(proxy) ?? { requests: 0, errors: 0 };
    this.byProxy.set(proxy, { requests: counts.requests + 1, errors: counts.errors + (failed ? 1 : 0) });
  }
}

export function sum(all: readonly Counts[]): Counts {
  return all.reduce((a, b) => ({ requests: a.requests + b.requests, errors: a.errors + b.errors }), { requests: 0, errors: 0 });
}
