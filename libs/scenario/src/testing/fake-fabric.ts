import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type SampleVersion, sampleTotal } from '../sample-bundle.js';

/** What a fake may get wrong on purpose. */
export interface Faults {
  /** The share that version 2 really gets, whatever the weights say. */
  shareOfVersion2?: number;
  /** One request of so many answers 502. */
  failOneIn?: number;
  neverComplete?: boolean;
}

/** Just enough of API, proxy and admin port, on one address and without processes, to play the scenario against. */
export class FakeFabric {
  private readonly server: Server;
  private weights: Record<string, number> = {};
  private readonly history: Record<string, number>[] = [];
  private readonly runs = new Map<string, { runId: string; status: string }[]>();
  private versions = 0;
  private served = 0;

  constructor(private readonly faults: Faults = {}) {
    this.server = createServer((request, response) => {
      let body = '';
      request.setEncoding('latin1').on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => this.answer(request, response, body));
    });
  }

  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private answer(request: IncomingMessage, response: ServerResponse, body: string): void {
    const { pathname } = new URL(request.url ?? '', 'http://fake');
    if (pathname === '/metrics') {
      response.end('requests{version="1"} 1\nrequests{version="2"} 1\n');
    } else if (pathname.startsWith('/namespaces/')) {
      this.proxy(request, response);
    } else {
      const isJson = request.headers['content-type'] === 'application/json';
      const answer = this.api(`${request.method} ${pathname}`, isJson ? JSON.parse(body) : {});
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
    }
  }

  private api(call: string, body: { types?: string[]; weights?: Record<string, number>; toRevision?: number }): unknown {
    const version = /versions\/(\d+)/.exec(call)?.[1] ?? '';
    const program = /(services|workers|flows)\/\w+/.exec(call)?.[0] ?? '';
    if (call.includes('/artifacts/')) return {};
    if (call.endsWith('/logs')) return 'listening\n';
    if (call.endsWith('/rollback')) return this.shift(this.history[body.toRevision! - 1]!);
    if (call.startsWith('PUT') && call.endsWith('/distribution')) return this.shift(body.weights!);
    if (call.endsWith('/distribution')) return { weights: this.weights, revision: this.history.length };
    if (call.endsWith('/versions')) return { version: ++this.versions };
    if (call.endsWith('/runs')) return { items: this.runs.get(`${version}/${program}`) };
    if (call.includes('/runs/')) return this.runs.get(`${version}/${program}`)![0];
    const programs = program ? [program] : ['workers/mailer', 'flows/rebuild'];
    const runs = programs.map((name) => this.turn(version, name, call.endsWith('/start')));
    return runs[0];
  }

  private shift(weights: Record<string, number>): unknown {
    this.weights = weights;
    this.history.push(weights);
    return { weights, propagation: { complete: !this.faults.neverComplete } };
  }

  private turn(version: string, program: string, on: boolean): unknown {
    const status = !on ? 'STOPPED' : program.startsWith('flows') ? 'COMPLETED' : 'RUNNING';
    const run = { runId: `${version}-${program.replace('/', '-')}`, status };
    this.runs.set(`${version}/${program}`, [run]);
    if (!program.startsWith('services')) return run;
    const { [version]: _gone, ...others } = this.weights;
    if (!on) this.weights = others;
    else if (Object.keys(others).length === 0) this.shift({ [version]: 100 });
    else this.weights = { ...others, [version]: 0 };
    return run;
  }

  private proxy(request: IncomingMessage, response: ServerResponse): void {
    this.served += 1;
    if (this.faults.failOneIn && this.served % this.faults.failOneIn === 0) return void response.writeHead(502).end('broken');
    const pinned = request.headers['x-app-version'] ?? (request.headers['x-artifact-version'] ? '2' : undefined);
    const share = this.faults.shareOfVersion2 ?? (this.weights[2] ?? 0) / 100;
    // Evenly spread instead of drawn: the fake's shares are exact.
    const isSecond = Math.floor(this.served * share) > Math.floor((this.served - 1) * share);
    const version = Number(pinned ?? (isSecond ? 2 : 1));
    const artifactVersion: SampleVersion = version === 1 ? '1.0.0' : '2.0.0';
    const prices = (new URL(request.url!, 'http://fake').searchParams.get('prices') ?? '').split(',').map(Number);
    response.writeHead(200, {
      'content-type': 'application/json',
      'x-app-version': String(version),
      'x-artifact-version': artifactVersion,
      'x-route-reason': pinned ? 'pinned' : 'weighted',
    });
    response.end(JSON.stringify({ version, artifactVersion, total: sampleTotal(artifactVersion, prices) }));
  }
}
