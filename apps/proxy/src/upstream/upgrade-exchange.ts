import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type httpProxy from 'http-proxy';
import { forwardHeaders, headerValue, listOfLines, requestFraming } from '../http/headers.js';
import type { ProblemCode } from '../http/problems.js';
import { describeFailure, UNSUPPORTED_CODING } from './describe-failure.js';
import { type Exchange, type ExchangeResult, type ForwarderLimits, MAX_ATTEMPTS } from './forwarder.js';
import { outgoingOptions } from './load-http-proxy.js';
import { writeProblem } from './send-problem.js';

/** Longest silence on a tunnel of which one side has ended. */
const HALF_CLOSED_IDLE_MS = 10_000;

export interface UpgradeContext {
  proxy: httpProxy;
  limits: ForwarderLimits;
}

/** Carries a WebSocket handshake to an instance and joins the two connections. */
export class UpgradeExchange {
  #attempts = 0;
  #request: ClientRequest | null = null;
  #instanceSocket: Socket | null = null;
  /** What the instance's connection had brought and taken before the upgrade. */
  #before = { read: 0, written: 0 };
  #connected = false;
  #status = 0;
  #answered = false;
  #outcome: ExchangeResult['outcome'] = 'client_gone';
  #over = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly context: UpgradeContext,
    private readonly req: IncomingMessage,
    private readonly socket: Socket,
    private readonly head: Buffer,
    private readonly exchange: Exchange,
  ) {
    // From the first moment: http-proxy listens for errors of the client's socket only after the upgrade, and an unheard one ends the process.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#finish());
    this.#attempt();
  }

  #attempt(): void {
    const { instance, path } = this.exchange;
    const { protocol, hostname, port, basePath } = instance.address;
    this.#attempts += 1;
    this.#connected = false;
    const headers = forwardHeaders(this.req.rawHeaders, [
      ...listOfLines(this.exchange.sharedLines + this.exchange.requestLines),
      'Connection',
      'Upgrade',
      'Upgrade',
      'websocket',
    ]);
    const { proxy, limits } = this.context;
    // http-proxy tells its `proxyReqWs` listeners about a new request inside the call of `ws`.
    const onRequest = (request: ClientRequest) => this.#bind(request);
    proxy.once('proxyReqWs', onRequest);
    proxy.ws(
      this.req,
      this.socket,
      this.#attempts === 1 ? this.head : Buffer.alloc(0),
      {
        target: { protocol, host: hostname, hostname, port },
        ssl: outgoingOptions(basePath + path, headers, { insecureHTTPParser: false }),
        toProxy: true,
      },
      // Errors of the joined sockets; they are closed where they are bound.
      () => undefined,
    );
    proxy.removeListener('proxyReqWs', onRequest as () => void);
    // http-proxy ends the client's socket on every error of the request: its listener gives way, so that an attempt can be repeated.
    const request = this.#request;
    request?.removeAllListeners('error');
    // And it would write `Transfer-Encoding: chunked` above the decoded body of an instance that declines.
    request?.removeAllListeners('response');
    request?.once('response', (answer) => this.#onDeclined(answer));
    request?.on('error', (error) => {
      if (request === this.#request) this.#failed(error);
    });
    this.#startTimer(limits.connectTimeoutMs, () => this.#failed(Object.assign(new Error('connect timeout'), { code: 'ETIMEDOUT' })));
  }

  #bind(request: ClientRequest): void {
    this.#request = request;
    request.once('socket', (socket: Socket) => {
      const connected = () => {
        this.#connected = true;
        this.#startTimer(this.context.limits.responseTimeoutMs, () =>
          this.#fail('upstream_timeout', 'The instance did not answer the upgrade in time.'),
        );
      };
      if (socket.connecting) socket.once(this.exchange.instance.address.protocol === 'https:' ? 'secureConnect' : 'connect', connected);
      else connected();
    });
    request.once('upgrade', (answer: IncomingMessage, socket: Socket) => this.#onUpgrade(answer, socket));
  }

  /** Runs before http-proxy's own listener, which writes the head to the client and joins the sockets. */
  #onUpgrade(answer: IncomingMessage, instanceSocket: Socket): void {
    this.#stopTimer();
    this.#answered = true;
    this.#outcome = 'complete';
    this.#status = 101;
    this.#instanceSocket = instanceSocket;
    this.#before = { read: instanceSocket.bytesRead, written: instanceSocket.bytesWritten };
    const headers = listOfLines(this.exchange.answerLines);
    for (let i = 0; i < headers.length; i += 2) answer.headers[(headers[i] ?? '').toLowerCase()] = headers[i + 1];
    instanceSocket.on('error', () => instanceSocket.destroy());
    // A half that vanished without saying goodbye takes the other with it.
    instanceSocket.once('close', () => this.socket.destroySoon());
    if (this.#over) {
      instanceSocket.destroy();
      return;
    }
    const { tunnelIdleMs } = this.context.limits;
    // http-proxy sets the timeouts to 0 right after this listener.
    process.nextTick(() => {
      for (const half of [this.socket, instanceSocket]) {
        half.setTimeout(tunnelIdleMs, () => this.#closeTunnel());
        // One side has said its last word: the other may still answer, but not hold the tunnel open.
        half.once('end', () => {
          for (const either of [this.socket, instanceSocket]) either.setTimeout(Math.min(HALF_CLOSED_IDLE_MS, tunnelIdleMs));
        });
      }
    });
  }

  #closeTunnel(): void {
    this.#instanceSocket?.destroy();
    this.socket.destroy();
  }

  /** The instance answered with something else than 101: passed on as an ordinary answer that ends the connection. */
  #onDeclined(answer: IncomingMessage): void {
    this.#stopTimer();
    if (this.#over || this.#answered) {
      answer.destroy();
      return;
    }
    if (requestFraming(answer.rawHeaders).kind === 'unsupported') {
      answer.destroy();
      this.#fail('upstream_bad_response', UNSUPPORTED_CODING);
      return;
    }
    this.#answered = true;
    this.#status = answer.statusCode ?? 502;
    const headers = forwardHeaders(answer.rawHeaders, listOfLines(this.exchange.answerLines));
    const lines = [`HTTP/1.1 ${this.#status} ${answer.statusMessage ?? ''}`];
    for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
    lines.push('Connection: close', '', '');
    this.socket.write(lines.join('\r\n'), 'latin1');
    // Its chunks are decoded: without a length the client would take a polite end for the end of the answer.
    const cut = () => {
      this.#outcome = 'cut';
      if (headerValue(headers, 'content-length') === undefined) this.socket.resetAndDestroy();
      else this.socket.destroy();
    };
    const broken = () => {
      if (!answer.complete) cut();
    };
    this.#startTimer(this.context.limits.streamIdleMs, cut);
    answer.on('data', () => this.#timer?.refresh());
    answer.on('error', broken);
    answer.once('close', broken);
    // Node takes a reset for the end of an answer that ends with its connection, and tells only the request of it.
    this.#request?.on('error', broken);
    answer.once('end', () => {
      if (!answer.complete || this.#outcome === 'cut') return;
      this.#outcome = 'complete';
      this.socket.end();
    });
    answer.pipe(this.socket, { end: false });
  }

  #failed(error: Error & { code?: string }): void {
    if (this.#over || this.#answered) return;
    if (!this.#connected && this.#attempts < MAX_ATTEMPTS && this.exchange.retry('connect_failed')) {
      const failed = this.#request;
      this.#request = null;
      failed?.destroy();
      this.#attempt();
      return;
    }
    const [code, detail] = describeFailure(this.#connected, error);
    this.#fail(code, detail);
  }

  #fail(code: ProblemCode, detail: string): void {
    if (this.#over || this.#answered) return;
    this.#answered = true;
    this.#outcome = 'complete';
    this.#stopTimer();
    const request = this.#request;
    this.#request = null;
    request?.destroy();
    const answer = this.exchange.problem({ code, detail });
    this.#status = answer.status;
    writeProblem(this.socket, answer);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopTimer();
    this.#request?.destroy();
    this.#instanceSocket?.destroy();
    const { bytesRead = 0, bytesWritten = 0 } = this.#instanceSocket ?? {};
    this.exchange.end({
      status: this.#status,
      outcome: this.#outcome,
      bytesIn: bytesWritten - this.#before.written,
      bytesOut: bytesRead - this.#before.read,
    });
  }

  #startTimer(ms: number, onElapsed: () => void): void {
    this.#stopTimer();
    if (!this.#over) this.#timer = setTimeout(onElapsed, ms);
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
