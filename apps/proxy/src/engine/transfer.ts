import type { ProblemCode, RenderedProblem } from '../http/problems.js';
import { TRANSFER_ENCODING } from '../http1/field-names.js';
import { CHUNKED, NO_BODY, UNTIL_CLOSE } from '../http1/framing.js';
import type { RequestHead } from '../http1/request-head.js';
import type { ResponseHead } from '../http1/response-head.js';
import { type Exchange, type ExchangeResult, isIdempotent, MAX_ATTEMPTS, type RetryableFailure } from '../upstream/forwarder.js';
import type { InstanceState } from '../upstream/instance.js';
import { HeadStarts } from './head-starts.js';
import type { AnswerReader, InstanceConnection, InstanceFailure } from './instance-connection.js';
import type { InstancePool } from './instance-pool.js';
import { FULL, LEFT, type Sent } from './write-piece.js';

export interface InstancePools {
  poolOf(instance: InstanceState): InstancePool;
}

/** The client's connection, as the transfer needs it. */
export interface ClientSide {
  /** May another request follow, as far as is known now? */
  readonly mayStayOpen: boolean;
  /** The instance is ready for the body. */
  proceed(): void;
  /** The instance takes more of the body. */
  unblock(): void;
  write(text: string): void;
  /** Sends `before`, `bytes[start, end)` and `after`. `FULL`: the client does not keep up, `clientDrained` will be called. */
  send(before: string, bytes: Buffer, start: number, end: number, after: string): Sent;
  /** The answer is out. */
  answered(mayStayOpen: boolean): void;
  /** Answers with a problem. After a request that is not whole, or no request at all, the connection ends. */
  answerWith(problem: RenderedProblem): void;
  /** The answer was cut short: that has to be seen. @param looksWhole its end would be the end of the connection, so that only a reset tells */
  cut(looksWhole: boolean): void;
  /** 101: from now on the bytes of both sides belong to each other. */
  tunnel(connection: InstanceConnection, rest: Buffer): void;
}

/** One request on its way to an instance and the answer back, attempts included. Made once a client connection and used again. */
export class Transfer implements AnswerReader {
  wantsPlainContent = false;
  private exchange: Exchange | null = null;
  private connection: InstanceConnection | null = null;
  /** The head has been sent: the body may follow. */
  private sending = false;
  private attempts = 0;
  private bodyStarted = false;
  private status = 0;
  private bytesIn = 0;
  private bytesOut = 0;
  private continued = false;
  /** The body of an answer without an end of its own goes out in chunks, so that a cut one cannot look whole. */
  private rechunks = false;
  private closesAfter = false;
  /** The client sees the end of the answer only by that of its connection. */
  private endsWithConnection = false;
  private text = '';
  private readonly starts = new HeadStarts();

  constructor(
    private readonly pools: InstancePools,
    private readonly client: ClientSide,
    private readonly head: RequestHead,
  ) {}

  get running(): boolean {
    return this.exchange !== null;
  }

  /** The body may be sent. */
  get ready(): boolean {
    return this.sending;
  }

  get answering(): boolean {
    return this.status !== 0;
  }

  /** The client would take the end of its connection for that of the answer. */
  get endLooksWhole(): boolean {
    return this.exchange !== null && this.status !== 0 && this.endsWithConnection;
  }

  get wasContinued(): boolean {
    return this.continued;
  }

  begin(exchange: Exchange, text: string): void {
    this.exchange = exchange;
    this.text = text;
    this.attempts = 0;
    this.bodyStarted = false;
    this.status = 0;
    this.bytesIn = 0;
    this.bytesOut = 0;
    this.continued = false;
    this.rechunks = false;
    this.endsWithConnection = false;
    this.wantsPlainContent = this.head.minorVersion === 0;
    this.attempt(exchange, false);
  }

  private attempt(exchange: Exchange, fresh: boolean): void {
    this.attempts += 1;
    this.sending = false;
    const taken = this.pools.poolOf(exchange.instance).take(this, fresh);
    if (taken === 'full') this.fail('overloaded', 'Too many requests wait for a connection to the instance.');
    else if (taken !== null) this.connected(taken);
  }

  connecting(connection: InstanceConnection): void {
    this.connection = connection;
  }

  connected(connection: InstanceConnection): void {
    const { exchange, head } = this;
    if (exchange === null) return;
    this.connection = connection;
    this.sending = true;
    connection.send(this.requestText(exchange), head.method === 'HEAD', head.framing === NO_BODY);
    if (head.framing === NO_BODY) return;
    this.client.proceed();
  }

  private requestText(exchange: Exchange): string {
    const start = this.starts.ofRequest(this.head, this.text, exchange.instance.address.basePath + exchange.path, exchange.sharedLines);
    return `${start}${exchange.requestLines}\r\n`;
  }

  /** A part of the request's body. `FULL`: wait until the client connection's `unblock` is called. */
  sendBody(bytes: Buffer, start: number, end: number): Sent {
    this.bodyStarted = true;
    this.bytesIn += end - start;
    return this.connection === null ? LEFT : this.connection.sendBody(bytes, start, end);
  }

  bodySent(tail: string): void {
    this.connection?.bodySent(tail);
  }

  flush(): void {
    this.connection?.flush();
  }

  /** The client has taken what it had been sent. */
  clientDrained(): void {
    this.connection?.resume();
  }

  drained(): void {
    this.client.unblock();
  }

  interim(head: ResponseHead, text: string): void {
    if (this.head.minorVersion === 0 || this.exchange === null) return;
    if (head.status === 100) {
      if (!this.head.expectsContinue || this.continued) return;
      this.continued = true;
    }
    this.client.write(`${this.starts.ofAnswer(head, text, 'unsaid', false)}\r\n`);
  }

  answer(head: ResponseHead, text: string, bytes: Buffer, start: number, end: number, tail: string): void {
    const { exchange, client } = this;
    if (exchange === null) return;
    this.status = head.status;
    const old = this.head.minorVersion === 0;
    this.rechunks = head.framing === UNTIL_CLOSE && !old;
    this.endsWithConnection = old && (head.framing === UNTIL_CLOSE || head.framing === CHUNKED);
    // A client whose body is still on its way, or that waits for leave to send it, may or may not go on: only closing is unambiguous.
    this.closesAfter = this.endsWithConnection || !client.mayStayOpen;
    const saysChunked = head.framing === NO_BODY && (head.fields.seen & (1 << TRANSFER_ENCODING)) !== 0;
    const connection = this.closesAfter ? 'close' : old ? 'keep-alive' : 'unsaid';
    const chunked = !old && (head.framing === CHUNKED || this.rechunks || saysChunked);
    const out = `${this.starts.ofAnswer(head, text, connection, chunked)}${exchange.answerLines}\r\n`;
    this.pass(out, bytes, start, end, tail);
  }

  answerBody(bytes: Buffer, start: number, end: number, tail: string): void {
    this.pass('', bytes, start, end, tail);
  }

  private pass(head: string, bytes: Buffer, start: number, end: number, tail: string): void {
    this.bytesOut += end - start;
    let before = head;
    let after = tail;
    if (this.rechunks && end > start) {
      before += `${(end - start).toString(16)}\r\n`;
      after += '\r\n';
    }
    const sent = this.client.send(before, bytes, start, end, after);
    if (sent === LEFT) return;
    this.connection?.giveAway();
    if (sent === FULL) this.connection?.pause();
  }

  answered(): void {
    this.connection = null;
    if (this.rechunks) this.client.write('0\r\n\r\n');
    this.end('complete');
    this.client.answered(!this.closesAfter);
  }

  switched(head: ResponseHead, text: string, rest: Buffer): void {
    const { exchange, connection } = this;
    if (exchange === null || connection === null) return;
    if (!this.head.upgrade) {
      connection.destroy();
      this.connection = null;
      this.fail('upstream_bad_response', 'The instance switched protocols without being asked.');
      return;
    }
    this.status = 101;
    // What passes from now on is counted when it ends, by what the socket says.
    this.bytesIn = -connection.socket.bytesWritten;
    this.bytesOut = rest.length - connection.socket.bytesRead;
    this.client.write(`${this.starts.ofAnswer(head, text, 'unsaid', false)}${exchange.answerLines}\r\n`);
    this.client.tunnel(connection, rest);
  }

  failed(failure: InstanceFailure, detail: string): void {
    const { exchange, connection } = this;
    this.connection = null;
    if (exchange === null) return;
    if (this.status !== 0) {
      this.end('cut');
      this.client.cut(this.endsWithConnection);
      return;
    }
    const retryable = this.retryable(failure, connection);
    if (retryable !== null && this.attempts < MAX_ATTEMPTS && exchange.retry(retryable)) {
      this.attempt(exchange, retryable !== 'connect_failed');
      return;
    }
    const [code, sentence] = describe(failure, detail);
    this.fail(code, sentence);
  }

  /** What may be sent once more without the risk that an instance acts twice. */
  private retryable(failure: InstanceFailure, connection: InstanceConnection | null): RetryableFailure | null {
    if (failure === 'connect_failed' || failure === 'connect_timeout') return this.bodyStarted ? null : 'connect_failed';
    if (failure !== 'closed' || this.head.framing !== NO_BODY || !isIdempotent(this.head.method)) return null;
    return connection !== null && connection.used > 0 ? 'stale_connection' : 'reset';
  }

  /** There is no answer of an instance: the proxy makes one. */
  fail(code: ProblemCode, detail: string, whenAnswering: 'cut' | 'late' = 'cut'): void {
    const { exchange } = this;
    if (exchange === null) return;
    this.leave(exchange);
    if (this.status !== 0) {
      this.end(whenAnswering);
      this.client.cut(this.endsWithConnection);
      return;
    }
    const problem = exchange.problem({ code, detail });
    this.status = problem.status;
    this.end('complete');
    this.client.answerWith(problem);
  }

  /** The whole request has taken too long. */
  late(requestWhole: boolean, timeoutMs: number): void {
    this.fail(requestWhole ? 'upstream_timeout' : 'request_timeout', `The request took longer than ${timeoutMs} ms.`, 'late');
  }

  /** The client is gone. */
  abort(): void {
    const { exchange } = this;
    if (exchange === null) return;
    this.leave(exchange);
    this.end('client_gone');
  }

  /** A tunnel has ended. */
  tunnelEnded(): void {
    const { connection } = this;
    this.bytesIn += connection?.socket.bytesWritten ?? 0;
    this.bytesOut += connection?.socket.bytesRead ?? 0;
    connection?.destroy();
    this.connection = null;
    this.end('complete');
  }

  private leave(exchange: Exchange): void {
    if (this.connection === null) this.pools.poolOf(exchange.instance).leave(this);
    this.connection?.destroy();
    this.connection = null;
  }

  private end(outcome: ExchangeResult['outcome']): void {
    const { exchange, status, bytesIn, bytesOut } = this;
    this.exchange = null;
    this.sending = false;
    exchange?.end({ status, outcome, bytesIn, bytesOut });
  }
}

function describe(failure: InstanceFailure, detail: string): [ProblemCode, string] {
  switch (failure) {
    case 'connect_failed':
    case 'connect_timeout':
      return ['upstream_connect_failed', `No connection to the instance: ${detail}.`];
    case 'queue_timeout':
      return ['overloaded', `The instance is busy: ${detail}.`];
    case 'bad_response':
      return ['upstream_bad_response', `The instance sent no valid answer. ${detail}`];
    case 'timeout':
      return ['upstream_timeout', `The instance sent no answer: ${detail}.`];
    case 'closed':
    case 'cut':
      return ['upstream_reset', `The instance broke off before its answer: ${detail}.`];
  }
}
