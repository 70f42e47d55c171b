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
import { LONG_READ_BYTES, ReadBuffer } from './read-buffer.js';
import { type Sent, writePiece } from './write-piece.js';

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
  private readonly buffer = new ReadBuffer();
  /** Bytes of the last read; 0 when they are still on their way to the client. */
  private lastRead = 0;
  private paused = false;
  /** The request's head, kept back so that it leaves together with the first piece of its body. */
  private pendingHead = '';
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
    const onread = {
      buffer: () => this.buffer.next(this.phase === BODY && this.lastRead >= LONG_READ_BYTES),
      callback: (bytes: number, buffer: Uint8Array) => this.onRead(buffer as Buffer, bytes),
    };
    this.socket = secure
      ? connectTls({ host, port, ALPNProtocols: ['http/1.1'], ...(isIP(host) ? {} : { servername: host }) })
      : connectTcp({ host, port, noDelay: true, onread });
    this.socket.on(secure ? 'secureConnect' : 'connect', () => this.onConnect());
    if (secure) this.socket.on('data', (chunk: Buffer) => this.onData(chunk, chunk.length));
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
    this.paused = false;
    this.toHead = toHead;
    this.requestSent = sent;
    this.answerBytes = false;
    this.interims = 0;
    this.input.begin();
    this.head.begin(toHead);
    this.deadline = sent ? this.engine.now + this.engine.limits.responseTimeoutMs : 0;
    if (sent) this.socket.write(text, 'latin1');
    else this.pendingHead = text;
  }

  /** Sends `bytes[start, end)` of the request's body. `FULL`: `drained` will be called. */
  sendBody(bytes: Buffer, start: number, end: number): Sent {
    const head = this.pendingHead;
    this.pendingHead = '';
    return writePiece(this.socket, head, bytes, start, end, '');
  }

  bodySent(tail: string): void {
    const rest = this.pendingHead + tail;
    this.pendingHead = '';
    if (rest !== '') this.socket.write(rest, 'latin1');
    this.requestSent = true;
    if (this.phase === HEAD) this.deadline = this.engine.now + this.engine.limits.responseTimeoutMs;
  }

  /** The body does not come at once: the head goes ahead. */
  flush(): void {
    if (this.pendingHead === '') return;
    this.socket.write(this.pendingHead, 'latin1');
    this.pendingHead = '';
  }

  /** What was read is still on its way to the client. */
  giveAway(): void {
    this.buffer.giveAway();
    this.lastRead = 0;
  }

  /** The client does not read: neither do we. */
  pause(): void {
    this.deadline = 0;
    this.paused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
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
    this.buffer.release();
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

  private onRead(buffer: Buffer, length: number): boolean {
    // A tunnel's bytes go the way of streams.
    if (this.phase === TUNNEL) return this.socket.push(Buffer.from(buffer.subarray(0, length)));
    this.lastRead = length;
    this.onData(buffer, length);
    return true;
  }

  private onData(chunk: Buffer, length: number): void {
    let p = 0;
    this.answerBytes = true;
    while (p < length) {
      if (this.phase === HEAD) p = this.readHead(chunk, p, length);
      else if (this.phase === BODY) p = this.readBody(chunk, p, length);
      // Nobody has asked for these bytes: whatever they are, they are no answer to the next request.
      else {
        if (this.phase === IDLE) this.destroy();
        return;
      }
    }
  }

  private readHead(chunk: Buffer, start: number, length: number): number {
    const { head, input } = this;
    const next = input.read(head, chunk, start, length);
    if (next === REFUSED) {
      this.fail('bad_response', head.refusal?.detail ?? '');
      return length;
    }
    if (next < 0) return length;
    const { reader } = this;
    if (reader === null) return length;
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
      reader.switched(head, input.text(head), Buffer.from(chunk.subarray(next, length)));
      return length;
    }
    const text = input.text(head);
    if ((head.fields.seen & (1 << HOP_BY_HOP)) !== 0) this.readHint(text);
    this.phase = BODY;
    this.left = head.contentLength;
    if (head.framing === CHUNKED) {
      this.body ??= new ChunkedBody();
      this.body.begin();
    }
    this.deadline = this.engine.now + this.engine.limits.streamIdleMs;
    const end = this.cutOut(chunk, next, length);
    if (end === REFUSED) {
      this.fail('bad_response', this.body?.refusal?.detail ?? '');
      return length;
    }
    reader.answer(head, text, this.passBytes, this.passStart, this.passEnd, this.tail);
    return this.advance(end, length);
  }

  private readBody(chunk: Buffer, start: number, length: number): number {
    const end = this.cutOut(chunk, start, length);
    if (end === REFUSED) {
      this.fail('cut', this.body?.refusal?.detail ?? '');
      return length;
    }
    if (this.deadline !== 0) this.deadline = this.engine.now + this.engine.limits.streamIdleMs;
    this.reader?.answerBody(this.passBytes, this.passStart, this.passEnd, this.tail);
    return this.advance(end, length);
  }

  /** @returns the index after the body if it ends in this piece, NEED_MORE or REFUSED; sets what is to be passed on */
  private cutOut(chunk: Buffer, start: number, length: number): number {
    const { head, body } = this;
    this.passBytes = chunk;
    this.passStart = start;
    this.passEnd = start;
    this.tail = '';
    if (head.framing === NO_BODY) return start;
    if (head.framing === CHUNKED && body !== null) return this.cutOutChunks(chunk, start, length, body);
    this.passEnd = length;
    if (head.framing === UNTIL_CLOSE) return -1;
    this.passEnd = Math.min(length, start + this.left);
    this.left -= this.passEnd - start;
    return this.left === 0 ? this.passEnd : -1;
  }

  private cutOutChunks(chunk: Buffer, start: number, length: number, body: ChunkedBody): number {
    if (this.reader?.wantsPlainContent === true) {
      const contents: Buffer[] = [];
      const end = body.scan(chunk, start, length, (bytes, from, to) => contents.push(bytes.subarray(from, to)));
      this.passBytes = Buffer.concat(contents);
      this.passStart = 0;
      this.passEnd = this.passBytes.length;
      return end;
    }
    const end = body.scan(chunk, start, length);
    this.passEnd = body.passEnd;
    if (body.done) this.tail = body.trailerSection;
    return end;
  }

  /** @returns where to go on reading */
  private advance(end: number, length: number): number {
    this.passBytes = EMPTY;
    if (end < 0 || this.phase !== BODY) return length;
    this.finish(end === length);
    return length;
  }

  private finish(clean: boolean): void {
    const { reader, head } = this;
    this.reader = null;
    // The client did not take the last piece at once: whoever comes next is not kept from reading by that.
    this.resume();
    if (clean && head.keepAlive && this.requestSent && head.framing !== UNTIL_CLOSE) this.pool.giveBack(this);
    else this.destroy();
    reader?.answered();
  }

  private readHint(text: string): void {
    const hint = valueOfName(text, this.head.fields, 'keep-alive') ?? '';
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
