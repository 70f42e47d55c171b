import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Stream } from 'node:stream';
import type httpProxy from 'http-proxy';
import { type Framing, forwardHeaders, forwardTrailers, hasToken, listOfLines, requestFraming, withoutHeader } from '../http/headers.js';
import type { ProblemCode } from '../http/problems.js';
import { BodyCopy } from './body-copy.js';
import { describeFailure, isParseError, UNSUPPORTED_CODING } from './describe-failure.js';
import { type Exchange, type ForwarderLimits, isIdempotent, MAX_ATTEMPTS, type RetryableFailure } from './forwarder.js';
import type { InstanceAgents } from './instance-agents.js';
import { outgoingOptions } from './load-http-proxy.js';
import { sendProblem } from './send-problem.js';

/** Largest head of an instance's answer. */
const ANSWER_HEAD_BYTES = 32 * 1024;
/** Methods to which Node adds no body framing of its own. */
const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

export interface HttpExchangeContext {
  proxy: httpProxy;
  agents: InstanceAgents;
  limits: ForwarderLimits;
  /** True while the forwarder closes: answers then end their connection. */
  draining(): boolean;
}

/** An answer that ends with its connection looks whole after a polite end. */
export function endLooksWhole(res: ServerResponse): boolean {
  return res.headersSent && !res.writableFinished && !res.chunkedEncoding && !res.hasHeader('content-length');
}

/** Carries one request to an instance and the answer back. All state of the request is here; nothing outlives the client's response. */
export class HttpExchange {
  readonly #framing: Framing;
  #attempts = 0;
  #request: ClientRequest | null = null;
  #connected = false;
  /** What the connection had brought before this request. */
  #bytesBefore = 0;
  #bodyBytes = 0;
  #answerBytes = 0;
  #continued = false;
  #answer: IncomingMessage | null = null;
  #wasCut = false;
  /** In HTTP/1.0 the expectation does not count (RFC 9110 §10.1.1). */
  readonly #expectsContinue: boolean;
  #over = false;
  #timer: NodeJS.Timeout | null = null;
  /** Of the whole request. */
  #clock: NodeJS.Timeout | null = null;
  #wasLate = false;

  constructor(
    private readonly context: HttpExchangeContext,
    private readonly req: IncomingMessage,
    private readonly res: ServerResponse,
    private readonly exchange: Exchange,
  ) {
    this.#framing = requestFraming(req.rawHeaders);
    this.#expectsContinue = req.httpVersion === '1.1' && req.headers.expect !== undefined;
    // Not `req.on('aborted')`, which http-proxy relies on: recent Node versions do not emit it reliably, and every aborted download leaked.
    res.once('close', () => this.#finish());
    res.on('error', () => res.destroy());
    req.on('error', () => res.destroy());
    const { requestTimeoutMs } = context.limits;
    if (requestTimeoutMs > 0) this.#clock = setTimeout(() => this.#late(requestTimeoutMs), requestTimeoutMs);
    try {
      this.#attempt(false);
    } catch (error) {
      // Node's client refuses characters in a head that its server's parser let through.
      this.#fail('bad_request', `The request cannot be passed on: ${error instanceof Error ? error.message : String(error)}.`);
    }
  }

  #attempt(fresh: boolean): void {
    const { proxy, agents, limits } = this.context;
    const { instance, path } = this.exchange;
    const { protocol, hostname, port, basePath } = instance.address;
    this.#attempts += 1;
    this.#connected = false;
    if (!fresh && agents.isFull(instance, limits.queuePerInstance)) {
      this.#fail('overloaded', 'Too many requests wait for a connection to the instance.');
      return;
    }
    let own: ClientRequest | null = null;
    const body = {
      // http-proxy pipes its `buffer` into the new request at once. This one waits for the connection, so that a failed attempt leaves the body whole.
      pipe: (request: ClientRequest) => {
        own = request;
        this.#bind(request);
        return request;
      },
    } as unknown as Stream;
    proxy.web(
      this.req,
      this.res,
      {
        target: { protocol, host: hostname, hostname, port },
        agent: fresh ? agents.freshAgent(instance) : agents.agentFor(instance),
        ssl: outgoingOptions(basePath + path, this.#requestHeaders(), { maxHeaderSize: ANSWER_HEAD_BYTES, insecureHTTPParser: false }),
        toProxy: true,
        selfHandleResponse: true,
        buffer: body,
      },
      (error) => {
        if (own === this.#request) this.#attemptFailed(error);
      },
    );
    // Until it has a socket, it waits for one to come free.
    const { queueTimeoutMs } = limits;
    this.#startTimer(queueTimeoutMs, () =>
      this.#fail('overloaded', `The instance is busy: no connection came free within ${queueTimeoutMs} ms.`),
    );
  }

  #requestHeaders(): string[] {
    let headers = forwardHeaders(this.req.rawHeaders, listOfLines(this.exchange.sharedLines + this.exchange.requestLines));
    if (!this.#expectsContinue) headers = withoutHeader(headers, 'expect');
    // RFC 9112 §3.2.2: the authority of the target counts. An HTTP/1.0 client may have named none at all.
    const authority = /^https?:\/\/([^/?]*)/i.exec(this.req.url ?? '')?.[1];
    if (authority !== undefined || this.req.headers.host === undefined)
      headers = ['Host', authority ?? '', ...withoutHeader(headers, 'host')];
    if (this.#framing.kind === 'chunked') headers.push('Transfer-Encoding', 'chunked');
    // Without it Node would announce a chunked body that never was.
    if (this.#framing.kind === 'none' && !WITHOUT_BODY.has(this.req.method ?? '')) headers.push('Content-Length', '0');
    return headers;
  }

  #bind(request: ClientRequest): void {
    this.#request = request;
    request.maxHeadersCount = 0; // the size is bounded; a silently dropped header is worse than a long list
    request.once('socket', (socket: Socket) => {
      if (!socket.connecting) {
        this.#onConnected(request);
        return;
      }
      // A certificate that is not accepted is a connection that failed.
      const ready = this.exchange.instance.address.protocol === 'https:' ? 'secureConnect' : 'connect';
      socket.once(ready, () => this.#onConnected(request));
      if (request !== this.#request) return;
      this.#startTimer(this.context.limits.connectTimeoutMs, () =>
        this.#attemptFailed(Object.assign(new Error('connect timeout'), { code: 'ETIMEDOUT' })),
      );
    });
    request.on('continue', () => {
      if (!this.#expectsContinue || this.#continued || this.#over || this.res.headersSent) return;
      this.#continued = true;
      this.res.writeContinue();
    });
    request.once('response', (answer) => {
      if (request === this.#request) this.#onAnswer(answer);
      else answer.destroy();
    });
    request.once('upgrade', (_answer, socket: Socket) => {
      socket.destroy();
      if (request === this.#request) this.#fail('upstream_bad_response', 'The instance switched protocols without being asked.');
    });
  }

  #onConnected(request: ClientRequest): void {
    if (request !== this.#request || this.#over) return;
    this.#connected = true;
    this.#bytesBefore = request.socket?.bytesRead ?? 0;
    const timeoutMs = this.context.limits.responseTimeoutMs;
    const awaitAnswer = () =>
      this.#startTimer(timeoutMs, () => this.#fail('upstream_timeout', `The instance sent no answer for ${timeoutMs} ms.`));
    const { copy } = this.exchange;
    if (this.#framing.kind === 'none') {
      if (this.#attempts === 1) copy?.send(null);
      awaitAnswer();
      request.end();
      return;
    }
    const { bodyBytes, streamIdleMs, headTimeoutMs, minBodyBytesPerSecond } = this.context.limits;
    // Whose silence is it? An instance that takes nothing holds the client up.
    const onSilence = () => {
      if (!request.writableNeedDrain) this.#fail('request_timeout', 'The body of the request did not arrive in time.');
      else if (measured && !patient) {
        patient = true;
        this.#startTimer(streamIdleMs, onSilence);
      } else this.#fail('upstream_timeout', `The instance took nothing of the body for ${streamIdleMs} ms.`);
    };
    // Each byte buys time, at most as much as silence may last: a body that only trickles runs out of it.
    const measured = minBodyBytesPerSecond > 0 && !this.#expectsContinue;
    let patient = false;
    const graceMs = measured ? Math.min(headTimeoutMs, streamIdleMs) : streamIdleMs;
    let deadline = performance.now() + graceMs;
    this.#startTimer(graceMs, onSilence);
    const bodyCopy = copy === null ? null : new BodyCopy(copy);
    this.req.on('data', (chunk: Buffer) => {
      bodyCopy?.add(chunk, 0, chunk.length);
      if (request !== this.#request) return; // given up: the rest is only thrown away
      this.#bodyBytes += chunk.length;
      if (measured && this.#answer === null) {
        const now = performance.now();
        deadline = Math.min(deadline + (chunk.length * 1_000) / minBodyBytesPerSecond, now + streamIdleMs);
        this.#startTimer(deadline - now, onSilence);
      } else this.#timer?.refresh();
      if (bodyBytes > 0 && this.#bodyBytes > bodyBytes) this.#fail('body_too_large', `The body is larger than ${bodyBytes} bytes.`);
    });
    this.req.once('end', () => {
      bodyCopy?.send();
      if (request === this.#request && this.#answer === null) awaitAnswer();
      if (this.#framing.kind === 'chunked') request.addTrailers(forwardTrailers(this.req.rawTrailers));
      request.end();
    });
    request.on('drain', () => {
      deadline = Math.max(deadline, performance.now() + graceMs);
      patient = false;
      if (measured && this.#answer === null && !this.req.complete) this.#startTimer(graceMs, onSilence);
      else this.#timer?.refresh();
    });
    this.req.pipe(request, { end: false });
    // The instance may have something to say to the head alone.
    setImmediate(() => {
      if (this.#bodyBytes === 0 && request === this.#request && !request.destroyed) request.flushHeaders();
    });
  }

  #onAnswer(answer: IncomingMessage): void {
    const { res } = this;
    if (this.#over) {
      answer.destroy();
      return;
    }
    if (requestFraming(answer.rawHeaders).kind === 'unsupported') {
      answer.destroy();
      this.#fail('upstream_bad_response', UNSUPPORTED_CODING);
      return;
    }
    this.#answer = answer;
    this.#startTimer(this.context.limits.streamIdleMs, () => this.#cut());
    // A client that waits for `100 Continue` and gets a final answer instead may or may not send its body: only closing is unambiguous.
    if (this.context.draining() || (this.#expectsContinue && !this.#continued && this.#bodyBytes === 0)) res.shouldKeepAlive = false;
    res.sendDate = false;
    try {
      res.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', this.#answerHeaders(answer));
    } catch {
      answer.destroy();
      this.#answer = null;
      this.#fail('upstream_bad_response', 'The instance sent a head that cannot be passed on.');
      return;
    }
    let silent = true;
    answer.on('data', (chunk: Buffer) => {
      silent = false;
      this.#answerBytes += chunk.length;
      this.#timer?.refresh();
    });
    res.on('drain', () => this.#timer?.refresh());
    answer.once('end', () => {
      // Node takes a reset for the end of an answer that ends with its connection: `complete` alone does not say it.
      if (!answer.complete || this.#wasCut) return;
      const trailers = forwardTrailers(answer.rawTrailers);
      if (trailers.length > 0 && res.chunkedEncoding) res.addTrailers(trailers);
      res.end();
    });
    // Ends the client's answer as brokenly as the instance's was: a cut body must never look whole.
    answer.once('close', () => {
      if (!answer.complete) this.#cut();
    });
    answer.on('error', () => this.#cut());
    answer.pipe(res, { end: false });
    // A stream of events may say nothing for long: its head does not wait for the first one.
    setImmediate(() => {
      if (silent && !res.destroyed && !res.writableEnded) res.flushHeaders();
    });
  }

  #answerHeaders(answer: IncomingMessage): string[] {
    let headers = forwardHeaders(answer.rawHeaders, listOfLines(this.exchange.answerLines));
    if (answer.headers['transfer-encoding'] !== undefined || answer.statusCode === 204) headers = withoutHeader(headers, 'content-length');
    // Node refuses to announce trailers on an answer that is not chunked.
    const chunked = this.req.httpVersion === '1.1' && hasToken(answer.rawHeaders, 'transfer-encoding', 'chunked');
    return chunked && this.req.method !== 'HEAD' ? headers : withoutHeader(headers, 'trailer');
  }

  #attemptFailed(error: Error & { code?: string }): void {
    if (this.#over) return;
    if (this.#answer !== null) {
      // The answer is whole, only the rest of the request found no reader: nothing is lost.
      if (!this.#answer.complete) this.#cut();
      return;
    }
    const failure = this.#retryableFailure(error);
    if (failure !== null && this.#attempts < MAX_ATTEMPTS && this.exchange.retry(failure)) {
      const failed = this.#request;
      this.#request = null;
      failed?.destroy();
      this.#attempt(failure !== 'connect_failed');
      return;
    }
    const [code, detail] = describeFailure(this.#connected, error);
    this.#fail(code, detail);
  }

  /** What may be sent once more without the risk that an instance acts twice; `null` when the request must fail. */
  #retryableFailure(error: Error & { code?: string }): RetryableFailure | null {
    if (!this.#connected) return this.#bodyBytes === 0 ? 'connect_failed' : null;
    if (isParseError(error) || this.#framing.kind !== 'none' || !isIdempotent(this.req.method ?? '')) return null;
    if ((this.#request?.socket?.bytesRead ?? 0) > this.#bytesBefore) return null; // it had begun to answer
    return this.#request?.reusedSocket ? 'stale_connection' : 'reset';
  }

  #fail(code: ProblemCode, detail: string): void {
    if (this.#over) return;
    if (this.res.headersSent) {
      this.#cut();
      return;
    }
    this.#stopTimer();
    this.#leaveInstance();
    if (this.context.draining()) this.res.shouldKeepAlive = false;
    sendProblem(this.req, this.res, this.exchange.problem({ code, detail }));
  }

  #late(timeoutMs: number): void {
    this.#wasLate = true;
    this.#fail(this.req.complete ? 'upstream_timeout' : 'request_timeout', `The request took longer than ${timeoutMs} ms.`);
  }

  #cut(): void {
    this.#wasCut = true;
    this.#leaveInstance();
    const { req, res } = this;
    if (endLooksWhole(res) && res.socket === req.socket) req.socket.resetAndDestroy();
    else res.destroy();
  }

  #leaveInstance(): void {
    this.#stopTimer();
    const request = this.#request;
    this.#request = null;
    if (request === null) return;
    this.req.unpipe(request);
    request.on('error', () => undefined);
    if (!request.writableFinished || this.#answer?.complete !== true) request.destroy();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#clock !== null) clearTimeout(this.#clock);
    const { res } = this;
    const cut = this.#wasCut && this.#answer !== null;
    this.#leaveInstance();
    this.req.resume();
    this.exchange.end({
      status: res.headersSent ? res.statusCode : 0,
      outcome: res.writableFinished ? 'complete' : cut ? (this.#wasLate ? 'late' : 'cut') : 'client_gone',
      bytesIn: this.#bodyBytes,
      bytesOut: this.#answerBytes,
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
