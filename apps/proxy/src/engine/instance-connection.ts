import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ChunkedBody } from '../http1/chunked-body.js';
import { REFUSED } from '../http1/field-block.js';
import { HOP_BY_HOP } from '../http1/field-names.js';
import { CHUNKED, NO_BODY, UNTIL_CLOSE } from '../http1/framing.js';
import { HeadInput } from '../http1/head-input.js';
import { valueOfName } from '../http1/head-text.js';
import { RESPONSE_HEAD_LIMITS } from '../http1/limits.js';
import { ResponseHead } from '../http1/response-head.js';
import type { InstanceState } from '../upstream/instance.js';
import type { EngineContext, Expiring } from './engine-context.js';

/** Why there is no whole answer. `closed`: before its first byte. */
export type InstanceFailure = 'connect_failed' | 'connect_timeout' | 'queue_timeout' | 'closed' | 'cut' | 'bad_response' | 'timeout';

/** Who waits for the answer. */
export interface AnswerReader {
  /** The client cannot take chunks: it gets the content only. */
  readonly wantsPlainContent: boolean;
  /** A connection is being opened for this reader, which may destroy it. */
  connecting(connection: InstanceConnection): void;
  connected(connection: InstanceConnection): void;
  /** A 1xx but 101. */
  interim(head: ResponseHead, text: string): void;
  /** The head, with as much of the body as came with it: `bytes[start, end)`, then `tail`. */
  answer(head: ResponseHead, text: string, bytes: Buffer, start: number, end: number, tail: string): void;
  answerBody(bytes: Buffer, start: number, end: number, tail: string): void;
  /** The answer is whole; the connection is no longer this reader's. */
  answered(): void;
  /** 101: the connection is a tunnel from now on; `rest` came behind the head. */
  switched(head: ResponseHead, text: string, rest: Buffer): void;
  /** The connection is gone. */
  failed(failure: InstanceFailure, detail: string): void;
  /** What was sent has left: more may be sent. */
  drained(): void;
}

/** Who keeps the connection while nobody uses it. */
export interface ConnectionOwner {
  readonly instance: InstanceState;
  giveBack(connection: InstanceConnection): void;
  closed(connection: InstanceConnection): void;
}

const CONNECTING = 0;
const IDLE = 1;
const HEAD = 2;
const BODY = 3;
const TUNNEL = 4;
const CLOSED = 5;

/** 1xx answers to one request. */
const MAX_INTERIM = 32;
/** The instance may close a kept connection after the time it names; one second earlier we do, so that no request meets a closing door. */
const HINT_MARGIN_MS = 1_000;

/** One connection to an instance: writes a request, reads its answer as strictly as RFC 9112 has it, and is used again. */
export class InstanceConnection implements Expiring {
  deadline: number;
  readonly socket: Socket;
  /** Requests sent on it before the present one. */
  used = 0;
  private phase = CONNECTING;
  private reader: AnswerReader | null;
  private readonly head = new ResponseHead();
  private readonly input = new HeadInput(RESPONSE_HEAD_LIMITS.headBytes);
  private body: ChunkedBody | null = null;
  private left = 0;
  private interims = 0;
  private answerBytes = false;
  private toHead = false;
  private requestSent = true;
  /** Of the piece that is being read: what of it is to be passed on, and what behind it. */
  private passBytes: Buffer = EMPTY;
  private passStart = 0;
  private passEnd = 0;
  private tail = '';
  private lastHint = '';
  private hintMs = Number.POSITIVE_INFINITY;

  constructor(
    private readonly engine: EngineContext,
    private readonly pool: ConnectionOwner,
    reader: AnswerReader,
  ) {
    this.reader = reader;
    this.deadline = engine.now + engine.limits.connectTimeoutMs;
    const { protocol, hostname: host, port } = pool.instance.address;
    const secure = protocol === 'https:';
    this.socket = secure
      ? connectTls({ host, port, ALPNProtocols: ['http/1.1'], ...(isIP(host) ? {} : { servername: host }) })
      : connectTcp({ host, port, noDelay: true });
    this.socket.on(secure ? 'secureConnect' : 'connect', () => this.onConnect());
    this.socket.on('data', (chunk: Buffer) => this.onData(chunk));
    this.socket.on('end', () => this.onEnd());
    this.socket.on('error', (error) => this.onClose(error.message));
    this.socket.on('close', () => this.onClose('the connection was closed'));
    this.socket.on('drain', () => this.reader?.drained());
  }

  /** An idle connection is taken for a request. */
  take(reader: AnswerReader): void {
    this.reader = reader;
    this.used += 1;
  }

  /** Sends a request's head. @param sent there is no body */
  send(text: string, toHead: boolean, sent: boolean): void {
    this.phase = HEAD;
    this.toHead = toHead;
    this.requestSent = sent;
    this.answerBytes = false;
    this.interims = 0;
    this.input.begin();
    this.head.begin(toHead);
    this.deadline = sent ? this.engine.now + this.engine.limits.responseTimeoutMs : 0;
    if (!sent) this.socket.cork();
    this.socket.write(text, 'latin1');
  }

  /** Sends a part of the request's body. False: `drained` will be called. */
  sendBody(bytes: Buffer): boolean {
    return this.socket.write(bytes);
  }

  bodySent(tail: string): void {
    if (tail !== '') this.socket.write(tail, 'latin1');
    this.requestSent = true;
    if (this.phase === HEAD) this.deadline = this.engine.now + this.engine.limits.responseTimeoutMs;
  }

  /** Lets out what was collected since {@link send}. */
  flush(): void {
    this.socket.uncork();
  }

  /** The client does not read: neither do we. */
  pause(): void {
    this.deadline = 0;
    this.socket.pause();
  }

  resume(): void {
    if (this.phase === BODY) this.deadline = this.engine.now + this.engine.limits.streamIdleMs;
    this.socket.resume();
  }

  expired(): void {
    const { connectTimeoutMs, responseTimeoutMs } = this.engine.limits;
    if (this.phase === CONNECTING) this.fail('connect_timeout', `no connection within ${connectTimeoutMs} ms`);
    else if (this.phase === HEAD) this.fail('timeout', `no answer for ${responseTimeoutMs} ms`);
    else this.fail('cut', 'silence in the middle of the answer');
  }

  /** Ends it without a word to the reader. */
  destroy(): void {
    this.reader = null;
    if (this.phase === CLOSED) return;
    this.phase = CLOSED;
    this.deadline = 0;
    this.socket.destroy();
    this.pool.closed(this);
  }

  private onConnect(): void {
    if (this.phase !== CONNECTING) return;
    this.phase = IDLE;
    this.deadline = 0;
    const { reader } = this;
    if (reader === null) this.pool.giveBack(this);
    else reader.connected(this);
  }

  /** How long it may rest: the setting, or less when the instance says so. */
  rest(): void {
    this.phase = IDLE;
    this.deadline = this.engine.now + Math.max(1, Math.min(this.engine.limits.instanceIdleMs, this.hintMs));
  }

  private onData(chunk: Buffer): void {
    let p = 0;
    this.answerBytes = true;
    while (p < chunk.length) {
      if (this.phase === HEAD) p = this.readHead(chunk, p);
      else if (this.phase === BODY) p = this.readBody(chunk, p);
      // Nobody has asked for these bytes: whatever they are, they are no answer to the next request.
      else {
        if (this.phase === IDLE) this.destroy();
        return;
      }
    }
  }

  private readHead(chunk: Buffer, start: number): number {
    const { head, input } = this;
    const next = input.read(head, chunk, start, chunk.length);
    if (next === REFUSED) {
      this.fail('bad_response', head.refusal?.detail ?? '');
      return chunk.length;
    }
    if (next < 0) return chunk.length;
    const { reader } = this;
    if (reader === null) return chunk.length;
    if (head.isInterim) {
      this.interims += 1;
      if (this.interims > MAX_INTERIM) this.fail('bad_response', 'too many interim answers');
      else reader.interim(head, input.text(head));
      input.begin();
      head.begin(this.toHead);
      return next;
    }
    if (head.upgrade) {
      this.phase = TUNNEL;
      this.deadline = 0;
      reader.switched(head, input.text(head), chunk.subarray(next));
      return chunk.length;
    }
    this.phase = BODY;
    this.left = head.contentLength;
    if (head.framing === CHUNKED) {
      this.body ??= new ChunkedBody();
      this.body.begin();
    }
    this.deadline = this.engine.now + this.engine.limits.streamIdleMs;
    const end = this.cutOut(chunk, next);
    if (end === REFUSED) {
      this.fail('bad_response', this.body?.refusal?.detail ?? '');
      return chunk.length;
    }
    reader.answer(head, input.text(head), this.passBytes, this.passStart, this.passEnd, this.tail);
    return this.advance(chunk, end);
  }

  private readBody(chunk: Buffer, start: number): number {
    const end = this.cutOut(chunk, start);
    if (end === REFUSED) {
      this.fail('cut', this.body?.refusal?.detail ?? '');
      return chunk.length;
    }
    if (this.deadline !== 0) this.deadline = this.engine.now + this.engine.limits.streamIdleMs;
    this.reader?.answerBody(this.passBytes, this.passStart, this.passEnd, this.tail);
    return this.advance(chunk, end);
  }

  /** @returns the index after the body if it ends in this piece, NEED_MORE or REFUSED; sets what is to be passed on */
  private cutOut(chunk: Buffer, start: number): number {
    const { head, body } = this;
    this.passBytes = chunk;
    this.passStart = start;
    this.passEnd = start;
    this.tail = '';
    if (head.framing === NO_BODY) return start;
    if (head.framing === CHUNKED && body !== null) return this.cutOutChunks(chunk, start, body);
    this.passEnd = chunk.length;
    if (head.framing === UNTIL_CLOSE) return -1;
    this.passEnd = Math.min(chunk.length, start + this.left);
    this.left -= this.passEnd - start;
    return this.left === 0 ? this.passEnd : -1;
  }

  private cutOutChunks(chunk: Buffer, start: number, body: ChunkedBody): number {
    if (this.reader?.wantsPlainContent === true) {
      const contents: Buffer[] = [];
      const end = body.scan(chunk, start, chunk.length, (bytes, from, to) => contents.push(bytes.subarray(from, to)));
      this.passBytes = Buffer.concat(contents);
      this.passStart = 0;
      this.passEnd = this.passBytes.length;
      return end;
    }
    const end = body.scan(chunk, start, chunk.length);
    this.passEnd = body.passEnd;
    if (body.done) this.tail = body.trailerSection;
    return end;
  }

  /** @returns where to go on reading */
  private advance(chunk: Buffer, end: number): number {
    this.passBytes = EMPTY;
    if (end < 0 || this.phase !== BODY) return chunk.length;
    this.finish(end === chunk.length);
    return chunk.length;
  }

  private finish(clean: boolean): void {
    const { reader, head } = this;
    this.reader = null;
    if (clean && head.keepAlive && this.requestSent && head.framing !== UNTIL_CLOSE) {
      if ((head.fields.seen & (1 << HOP_BY_HOP)) !== 0) this.readHint();
      this.pool.giveBack(this);
    } else this.destroy();
    reader?.answered();
  }

  private readHint(): void {
    const hint = valueOfName(this.input.text(this.head), this.head.fields, 'keep-alive') ?? '';
    if (hint === this.lastHint) return;
    this.lastHint = hint;
    const seconds = /(?:^|[,\s])timeout=(\d{1,9})/.exec(hint)?.[1];
    this.hintMs = seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 1_000 - HINT_MARGIN_MS;
  }

  private onEnd(): void {
    if (this.phase === BODY && this.head.framing === UNTIL_CLOSE) this.finish(false);
    else this.onClose('the instance has closed the connection');
  }

  private onClose(detail: string): void {
    if (this.phase === CLOSED || this.phase === TUNNEL) return;
    if (this.phase === CONNECTING) this.fail('connect_failed', detail);
    else this.fail(this.phase === HEAD && !this.answerBytes ? 'closed' : 'cut', detail);
  }

  private fail(failure: InstanceFailure, detail: string): void {
    const { reader } = this;
    this.destroy();
    reader?.failed(failure, detail);
  }
}

const EMPTY = Buffer.alloc(0);
