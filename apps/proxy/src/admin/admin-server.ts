import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PROBLEMS, type ProblemCode } from '../http/problems.js';

/** What the admin port shows; read at each request. */
export interface AdminView {
  readiness(): { ready: boolean } & Record<string, unknown>;
  table(): unknown;
  metrics(): Promise<{ contentType: string; text: string }>;
}

/** Health, readiness, metrics and the table, on a port of their own. */
export class AdminServer {
  readonly #server: Server;
  readonly #view: AdminView;

  constructor(view: AdminView) {
    this.#view = view;
    this.#server = createServer({ maxHeaderSize: 16_384, requestTimeout: 10_000, keepAliveTimeout: 5_000 }, (req, res) => {
      this.#answer(req, res).catch(() => {
        if (!res.headersSent) sendProblem(res, 'internal_error');
        else res.destroy();
      });
    });
    this.#server.maxConnections = 256;
  }

  async listen(host: string, port: number): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.removeListener('error', reject);
        resolve();
      });
    });
    return this.#server.address() as AddressInfo;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    req.resume();
    const path = (req.url ?? '').split('?', 1)[0];
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      sendJson(res, 405, { status: 405, code: 'method_not_allowed', title: 'Method not allowed' }, 'application/problem+json');
      return;
    }
    switch (path) {
      case '/healthz':
        sendJson(res, 200, { status: 'ok' });
        return;
      case '/readyz': {
        const readiness = this.#view.readiness();
        sendJson(res, readiness.ready ? 200 : 503, readiness);
        return;
      }
      case '/table':
        sendJson(res, 200, this.#view.table());
        return;
      case '/metrics': {
        const { contentType, text } = await this.#view.metrics();
        res.writeHead(200, { 'content-type': contentType }).end(text);
        return;
      }
      default:
        sendProblem(res, 'route_not_found');
    }
  }
}

function sendJson(res: ServerResponse, status: number, body: unknown, type = 'application/json'): void {
  res.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(`${JSON.stringify(body)}\n`);
}

function sendProblem(res: ServerResponse, code: ProblemCode): void {
  const { status, title } = PROBLEMS[code];
  sendJson(res, status, { type: `urn:app-fabric:problem:${code}`, title, status, code }, 'application/problem+json');
}
