import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type httpProxy from 'http-proxy';
import { type HeaderList, hasToken, headerValues, requestFraming } from '../http/headers.js';
import type { ProblemCode } from '../http/problems.js';
import type { Exchange, Forwarder, ForwarderLimits, Gateway, Refusal, RequestHead } from './forwarder.js';
import { HttpExchange } from './http-exchange.js';
import type { InstanceState } from './instance.js';
import { InstanceAgents } from './instance-agents.js';
import { loadHttpProxy } from './load-http-proxy.js';
import { sendProblem, writeProblem } from './send-problem.js';
import { UpgradeExchange } from './upgrade-exchange.js';

/** How often Node looks for connections that have exceeded the head timeout. */
const TIMEOUT_CHECK_MS = 1_000;

/** The data path on Node's HTTP server and http-proxy. */
export function createHttpProxyForwarder(gateway: Gateway, limits: ForwarderLimits): Forwarder {
  return new HttpProxyForwarder(gateway, limits);
}

class HttpProxyForwarder implements Forwarder {
  readonly #gateway: Gateway;
  readonly #limits: ForwarderLimits;
  readonly #agents: InstanceAgents;
  readonly #proxy: httpProxy;
  readonly #server: Server;
  /** Requests being answered on a connection, to know whether a parse error may be answered on it. */
  readonly #answering = new Map<Socket, ServerResponse>();
  readonly #responses = new Set<ServerResponse>();
  readonly #sockets = new Set<Socket>();
  readonly #tunnels = new Set<Socket>();
  #draining = false;

  constructor(gateway: Gateway, limits: ForwarderLimits) {
    this.#gateway = gateway;
    this.#limits = limits;
    this.#agents = new InstanceAgents({ idleMs: limits.instanceIdleMs, maxConnections: limits.connectionsPerInstance });
    this.#proxy = loadHttpProxy().createProxyServer({});
    this.#proxy.on('error', () => undefined); // every call passes its own callback; without a listener http-proxy would throw
    this.#server = createServer({
      maxHeaderSize: limits.headBytes,
      headersTimeout: limits.headTimeoutMs,
      requestTimeout: 0, // bodies are bounded by silence (streamIdleMs, responseTimeoutMs), not by their duration
      keepAliveTimeout: limits.clientIdleMs,
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, limits.headTimeoutMs),
      requireHostHeader: false, // checked here, to answer with a problem document
      insecureHTTPParser: false,
      noDelay: true,
    });
    this.#server.maxHeadersCount = 0; // bounded by headBytes; Node would drop the excess silently
    // Behind the finer timers of an exchange: a client that neither sends nor reads, also after its answer is out.
    this.#server.timeout = Math.max(limits.streamIdleMs, limits.responseTimeoutMs + limits.connectTimeoutMs) + 1_000;
    this.#server.maxConnections = limits.clientConnections;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    const onRequest = (req: IncomingMessage, res: ServerResponse) => this.#onRequest(req, res);
    this.#server.on('request', onRequest);
    this.#server.on('checkContinue', onRequest); // the instance decides whether the body is wanted
    this.#server.on('checkExpectation', onRequest);
    this.#server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => this.#onUpgrade(req, socket, head));
    this.#server.on('connect', (_req: IncomingMessage, socket: Socket) => {
      socket.on('error', () => socket.destroy());
      writeProblem(socket, gateway.refuseUnparsed({ code: 'bad_request', detail: 'CONNECT is not supported.' }));
    });
    this.#server.on('clientError', (error: Error & { code?: string }, socket: Socket) => this.#onClientError(error, socket));
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

  release(instance: InstanceState): void {
    this.#agents.release(instance);
  }

  async close(graceMs: number): Promise<void> {
    this.#draining = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    // Node does not count as idle what has never sent anything.
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
    const tunnelsClosed = Promise.all([...this.#tunnels].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    let timer: NodeJS.Timeout | undefined;
    const graceOver = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        for (const socket of this.#tunnels) socket.destroy();
        this.#server.closeAllConnections();
        resolve();
      }, graceMs);
    });
    await Promise.race([Promise.all([closed, tunnelsClosed]), graceOver]);
    clearTimeout(timer);
    await closed;
    // Responses of cut connections hear of it only after the server has closed.
    await Promise.all([...this.#responses].map((res) => new Promise((resolve) => res.once('close', resolve))));
    this.#agents.close();
  }

  #onRequest(req: IncomingMessage, res: ServerResponse): void {
    const { socket } = req;
    this.#answering.set(socket, res);
    this.#responses.add(res);
    res.once('close', () => {
      this.#responses.delete(res);
      if (this.#answering.get(socket) === res) this.#answering.delete(socket);
    });
    const opened = this.#open(req);
    if (opened.kind === 'refusal') {
      this.#refuse(req, res, opened);
      return;
    }
    new HttpExchange({ proxy: this.#proxy, agents: this.#agents, limits: this.#limits, draining: () => this.#draining }, req, res, opened);
  }

  #refuse(req: IncomingMessage, res: ServerResponse, refusal: Refusal): void {
    const end = () => refusal.end({ status: refusal.answer.status, outcome: res.writableFinished ? 'complete' : 'client_gone' });
    res.once('close', end);
    res.on('error', () => res.destroy());
    req.on('error', () => res.destroy());
    if (this.#draining) res.shouldKeepAlive = false;
    sendProblem(req, res, refusal.answer);
  }

  #onUpgrade(req: IncomingMessage, socket: Socket, head: Buffer): void {
    // Any protocol but WebSocket: RFC 9110 §7.8 lets a server ignore the wish and answer in HTTP/1.1, as long as there is no body to read.
    if (!hasToken(req.rawHeaders, 'upgrade', 'websocket') || req.method !== 'GET' || requestFraming(req.rawHeaders).kind !== 'none') {
      this.#answerWithoutUpgrade(req, socket);
      return;
    }
    this.#tunnels.add(socket);
    socket.once('close', () => this.#tunnels.delete(socket));
    const opened = this.#open(req);
    if (opened.kind === 'refusal') {
      socket.on('error', () => socket.destroy());
      socket.once('close', () => opened.end({ status: opened.answer.status, outcome: 'complete' }));
      writeProblem(socket, opened.answer);
      return;
    }
    new UpgradeExchange({ proxy: this.#proxy, limits: this.#limits }, req, socket, head, opened);
  }

  #answerWithoutUpgrade(req: IncomingMessage, socket: Socket): void {
    socket.on('error', () => socket.destroy());
    if (requestFraming(req.rawHeaders).kind !== 'none') {
      writeProblem(
        socket,
        this.#gateway.refuseUnparsed({ code: 'upgrade_not_supported', detail: 'Only an upgrade to WebSocket by GET is supported.' }),
      );
      return;
    }
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(socket);
    res.once('finish', () => {
      res.detachSocket(socket);
      socket.end();
      // detachSocket leaves the response unaware of its end.
      res.emit('close');
    });
    socket.once('close', () => res.emit('close'));
    this.#onRequest(req, res);
  }

  #open(req: IncomingMessage): Exchange | Refusal {
    const broken = this.#check(req.httpVersion, req.url ?? '', req.rawHeaders);
    const head: RequestHead = {
      method: req.method ?? '',
      target: req.url ?? '',
      headers: req.rawHeaders,
      remoteAddress: req.socket.remoteAddress ?? '',
      encrypted: false,
    };
    const opened = broken === null ? this.#gateway.open(head) : null;
    if (opened !== null) return opened;
    return {
      kind: 'refusal',
      answer: this.#gateway.refuseUnparsed(broken as { code: ProblemCode; detail: string }),
      end: () => undefined,
    };
  }

  /** What the parser lets through and the proxy does not. */
  #check(httpVersion: string, target: string, headers: HeaderList): { code: ProblemCode; detail: string } | null {
    if (target.length > this.#limits.targetBytes)
      return { code: 'uri_too_long', detail: `The target is longer than ${this.#limits.targetBytes} bytes.` };
    const hosts = headerValues(headers, 'host').length;
    if (hosts > 1 || (hosts === 0 && httpVersion === '1.1')) return { code: 'bad_request', detail: 'Exactly one Host header is needed.' };
    const framing = requestFraming(headers);
    if (framing.kind === 'unsupported') return { code: 'bad_request', detail: 'The only transfer coding that is supported is chunked.' };
    const limit = this.#limits.bodyBytes;
    if (limit > 0 && framing.kind === 'length' && framing.bytes > limit) {
      return { code: 'body_too_large', detail: `The body is larger than ${limit} bytes.` };
    }
    return null;
  }

  #onClientError(error: Error & { code?: string }, socket: Socket): void {
    const active = this.#answering.get(socket);
    if (active !== undefined) {
      // Either the body of this very request is broken, or a pipelined one behind it. Whatever is being sent must not be mixed with another answer.
      if (!active.req.complete || active.destroyed) socket.destroy();
      else active.once('close', () => socket.destroy());
      return;
    }
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const [code, detail] = describeClientError(error.code);
    writeProblem(socket, this.#gateway.refuseUnparsed({ code, detail }));
  }
}

function describeClientError(code: string | undefined): [ProblemCode, string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return ['header_too_large', 'The head of the request is too large.'];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['request_timeout', 'The head of the request did not arrive in time.'];
    default:
      return ['bad_request', `This is not an HTTP/1.1 request (${code ?? 'unknown error'}).`];
  }
}
