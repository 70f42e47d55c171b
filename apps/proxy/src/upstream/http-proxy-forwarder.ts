import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type httpProxy from 'http-proxy';
import { fieldsOfList } from '../http/fields.js';
import { hasToken, headBytesOf, headerValues, requestFraming } from '../http/headers.js';
import type { Problem } from '../http/problems.js';
import { describeClientError, HEAD_TOO_LARGE, UNSUPPORTED_CODING } from './describe-failure.js';
import type { Forwarder, ForwarderLimits, Gateway, Refusal, RequestHead } from './forwarder.js';
import { endLooksWhole, HttpExchange } from './http-exchange.js';
import type { InstanceState } from './instance.js';
import { InstanceAgents } from './instance-agents.js';
import { loadHttpProxy } from './load-http-proxy.js';
import { ASK_EVERY_MS, noticeReset } from './notice-reset.js';
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
  /** Connections on which something was sent that may be read in two ways: nothing behind it is read. */
  readonly #refused = new WeakSet<Socket>();
  readonly #sockets = new Set<Socket>();
  readonly #tunnels = new Set<Socket>();
  readonly #resetClock: NodeJS.Timeout;
  #draining = false;
  #closed = false;
  #onLastGone: (() => void) | null = null;
  #listens = false;

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
      socket.setMaxListeners(0); // one for each pipelined request
      socket.once('close', () => {
        this.#sockets.delete(socket);
        if (this.#sockets.size === 0) this.#onLastGone?.();
      });
    });
    const onRequest = (req: IncomingMessage, res: ServerResponse) => this.#onRequest(req, res);
    this.#server.on('request', onRequest);
    this.#server.on('checkContinue', onRequest); // the instance decides whether the body is wanted
    this.#server.on('checkExpectation', onRequest);
    this.#server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => this.#onUpgrade(req, socket, head));
    this.#server.on('connect', (_req: IncomingMessage, socket: Socket) => {
      socket.on('error', () => socket.destroy());
      writeProblem(socket, gateway.refuseUnparsed({ code: 'method_not_supported', detail: 'CONNECT is not supported.' }));
    });
    this.#server.on('clientError', (error: Error & { code?: string }, socket: Socket) => this.#onClientError(error, socket));
    this.#resetClock = setInterval(() => {
      for (const socket of this.#sockets) noticeReset(socket);
    }, ASK_EVERY_MS);
    this.#resetClock.unref();
  }

  async listen(host: string, port: number): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.removeListener('error', reject);
        this.#listens = true;
        resolve();
      });
    });
    return this.#server.address() as AddressInfo;
  }

  accept(socket: Socket): boolean {
    if (this.#closed) return false;
    if (this.#sockets.size >= this.#limits.clientConnections) {
      socket.destroy();
      return true;
    }
    // Node looks after the head timeouts of a server from its `listening` on; this one never gets there by itself.
    if (!this.#listens) this.#server.emit('listening');
    this.#listens = true;
    socket.allowHalfOpen = true;
    socket.setNoDelay(true);
    this.#server.emit('connection', socket);
    return true;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  release(instance: InstanceState): void {
    this.#agents.release(instance);
  }

  async close(graceMs: number): Promise<void> {
    this.#draining = true;
    const lameDuckMs = Math.min(this.#limits.lameDuckMs, graceMs);
    await this.#untilNobodyIsLeft(lameDuckMs);
    this.#closed = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    // Node does not count as idle what has never sent anything.
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
    // Tunnels, and what another process has accepted, are not among those that Node waits for.
    const allClosed = Promise.all([...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    let timer: NodeJS.Timeout | undefined;
    const graceOver = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        for (const socket of this.#tunnels) socket.destroy();
        for (const res of this.#responses) if (endLooksWhole(res)) res.socket?.resetAndDestroy();
        this.#server.closeAllConnections();
        resolve();
      }, graceMs - lameDuckMs);
    });
    await Promise.race([Promise.all([closed, allClosed]), graceOver]);
    clearTimeout(timer);
    await closed;
    // Responses of cut connections hear of it only after the server has closed.
    await Promise.all([...this.#responses].map((res) => new Promise((resolve) => res.once('close', resolve))));
    this.#agents.close();
    clearInterval(this.#resetClock);
  }

  /** At most so long. */
  async #untilNobodyIsLeft(ms: number): Promise<void> {
    if (this.#sockets.size === 0 || ms === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onLastGone = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }

  #onRequest(req: IncomingMessage, res: ServerResponse): void {
    const { socket } = req;
    if (this.#refused.has(socket)) return; // Node has parsed on behind it
    this.#answering.set(socket, res);
    this.#responses.add(res);
    // A pipelined request whose turn has not come: Node tells its response nothing when the connection ends.
    const onSocketClose = () => {
      if (!res.socket && !res.closed) res.emit('close');
    };
    socket.once('close', onSocketClose);
    res.once('close', () => {
      socket.off('close', onSocketClose);
      this.#responses.delete(res);
      if (this.#answering.get(socket) === res) this.#answering.delete(socket);
    });
    const broken = this.#check(req);
    if (broken !== null) {
      this.#refuseUnread(req, res, broken);
      return;
    }
    const opened = this.#gateway.open(headOf(req));
    if (opened.kind === 'refusal') {
      this.#refuse(req, res, opened);
      return;
    }
    new HttpExchange({ proxy: this.#proxy, agents: this.#agents, limits: this.#limits, draining: () => this.#draining }, req, res, opened);
  }

  /** Where such a request ends is not certain: its answer is the last on the connection. */
  #refuseUnread(req: IncomingMessage, res: ServerResponse, problem: Problem): void {
    this.#refused.add(req.socket);
    const rendered = this.#gateway.refuseUnparsed(problem);
    const answer = req.method === 'HEAD' ? { ...rendered, body: '' } : rendered;
    if (res.socket === req.socket) {
      // Past Node's response: the parser may stumble over the rest of the very same packet, and Node would drop the answer.
      res.detachSocket(req.socket);
      res.emit('close');
      writeProblem(req.socket, answer);
      return;
    }
    // Answers to requests in front of it are still to come.
    res.shouldKeepAlive = false;
    res.on('error', () => res.destroy());
    req.on('error', () => res.destroy());
    sendProblem(req, res, answer);
  }

  #refuse(req: IncomingMessage, res: ServerResponse, refusal: Refusal): void {
    const end = () => refusal.end(res.headersSent ? refusal.answer.status : 0);
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
    socket.on('error', () => socket.destroy());
    const broken = this.#check(req);
    if (broken !== null) {
      writeProblem(socket, this.#gateway.refuseUnparsed(broken));
      return;
    }
    const opened = this.#gateway.open(headOf(req));
    if (opened.kind === 'refusal') {
      socket.once('close', () => opened.end(opened.answer.status));
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

  /** What the parser lets through and the proxy does not. */
  #check(req: IncomingMessage): Problem | null {
    const { httpVersion, rawHeaders, url: target = '' } = req;
    if (httpVersion !== '1.1' && httpVersion !== '1.0') {
      if (httpVersion === '0.9') return { code: 'bad_request', detail: 'The request line has no version.' };
      return { code: 'version_not_supported', detail: 'Only HTTP/1.0 and HTTP/1.1 are spoken here.' };
    }
    if (target.length > this.#limits.targetBytes)
      return { code: 'uri_too_long', detail: `The target is longer than ${this.#limits.targetBytes} bytes.` };
    // Node counts only targets, names and values.
    if (headBytesOf(`${req.method} ${target} HTTP/${httpVersion}`, rawHeaders) > this.#limits.headBytes) return HEAD_TOO_LARGE;
    const hosts = headerValues(rawHeaders, 'host').length;
    if (hosts > 1 || (hosts === 0 && httpVersion === '1.1')) return { code: 'bad_request', detail: 'Exactly one Host header is needed.' };
    if (httpVersion === '1.0' && req.headers['transfer-encoding'] !== undefined)
      return { code: 'bad_request', detail: 'Transfer-Encoding is not allowed in HTTP/1.0.' };
    if (httpVersion === '1.1' && req.headers.expect !== undefined && req.headers.expect.toLowerCase() !== '100-continue')
      return { code: 'expectation_failed', detail: 'The only known expectation is 100-continue.' };
    const framing = requestFraming(rawHeaders);
    if (framing.kind === 'unsupported') return { code: 'bad_request', detail: UNSUPPORTED_CODING };
    const limit = this.#limits.bodyBytes;
    if (limit > 0 && framing.kind === 'length' && framing.bytes > limit) {
      return { code: 'body_too_large', detail: `The body is larger than ${limit} bytes.` };
    }
    return null;
  }

  #onClientError(error: Error & { code?: string }, socket: Socket): void {
    if (this.#refused.has(socket)) return; // its last answer is on the way
    const active = this.#answering.get(socket);
    if (active !== undefined) {
      // Either the body of this very request is broken, or a pipelined one behind it. Whatever is being sent must not be mixed with another answer.
      if (error.code?.startsWith('HPE_') && !active.req.complete && !active.headersSent && active.socket === socket)
        this.#refuseUnread(active.req, active, { code: 'bad_request', detail: `The body is malformed (${error.code}).` });
      else if (!active.req.complete || active.destroyed) socket.destroy();
      else active.once('close', () => socket.destroy());
      return;
    }
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    writeProblem(socket, this.#gateway.refuseUnparsed(describeClientError(error.code)));
  }
}

function headOf(req: IncomingMessage): RequestHead {
  return {
    method: req.method ?? '',
    target: req.url ?? '',
    fields: fieldsOfList(req.rawHeaders),
    remoteAddress: req.socket.remoteAddress ?? '',
    encrypted: false,
    asked: null,
  };
}
