import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { PROBLEMS, type ProblemCode, renderProblem } from '../http/problems.js';
import { describeClientError } from '../upstream/describe-failure.js';
import { writeProblem } from '../upstream/send-problem.js';

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
    // Node would refuse a missing Host with an empty answer.
    const options = { maxHeaderSize: 16_384, requestTimeout: 10_000, keepAliveTimeout: 5_000, requireHostHeader: false };
    this.#server = createServer(options, (req, res) => {
      this.#answer(req, res).catch(() => {
        if (!res.headersSent) sendProblem(res, 'internal_error');
        else res.destroy();
      });
    });
    this.#server.on('checkExpectation', (_req, res: ServerResponse) => sendProblem(res, 'expectation_failed'));
    this.#server.maxConnections = 256;
    this.#server.on('clientError', (error: Error & { code?: string }, socket: Socket) => refuseUnparsed(error.code, socket));
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
    if (req.headers.host === undefined && req.httpVersion === '1.1') {
      sendProblem(res, 'bad_request');
      return;
    }
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('allow', 'GET, HEAD');
      sendProblem(res, 'method_not_allowed');
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

/** What Node's parser refuses. */
function refuseUnparsed(errorCode: string | undefined, socket: Socket): void {
  if (errorCode === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  writeProblem(socket, renderProblem(describeClientError(errorCode), randomUUID()));
}
