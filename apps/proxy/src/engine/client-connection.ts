import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { plainAddress } from '../http/forwarded.js';
import type { ProblemCode, RenderedProblem } from '../http/problems.js';
import { ChunkedBody } from '../http1/chunked-body.js';
import { REFUSED } from '../http1/field-block.js';
import { BY_LENGTH, CHUNKED, NO_BODY } from '../http1/framing.js';
import { HeadInput } from '../http1/head-input.js';
import { RequestHead } from '../http1/request-head.js';
import type { Refusal } from '../http1/scan-error.js';
import { BodyCopy } from '../upstream/body-copy.js';
import type { RequestHead as GatewayRequest, RequestCopy } from '../upstream/forwarder.js';
import { noticeReset } from '../upstream/notice-reset.js';
import { readInto } from './accepted-socket.js';
import type { EngineContext, Expiring } from './engine-context.js';
import type { InstanceConnection } from './instance-connection.js';
import { LONG_READ_BYTES, ReadBuffer } from './read-buffer.js';
import { RequestClock } from './request-clock.js';
import { ScannedFields } from './scanned-fields.js';
import { type ClientSide, type InstancePools, Transfer } from './transfer.js';
import { joinTunnel } from './tunnel.js';
import { FULL, LEFT, type Sent, sentBy, writePiece } from './write-piece.js';

/** Between requests. */
const IDLE = 0;
/** In the middle of a head. */
const HEAD = 1;
const BODY = 2;
/** The request is whole, its answer is not. */
const ANSWER = 3;
/** Nothing more will be said; what still comes is thrown away, so that the client can read the answer (RFC 9112 §9.6). */
const LINGER = 4;
const TUNNEL = 5;
const CLOSED = 6;

const LINGER_MS = 2_000;
const MAX_HELD_BYTES = 16_384;
/**
 * A client that has ended its side may be waiting for its answer, or be gone: only sending to it would tell. It is given this time, again after
 * each piece of the answer; then the instance is spared the rest of the work.
 */
const HALF_CLOSED_MS = 1_000;

/** One client's connection: one request after the other, answers in their order. */
export class ClientConnection implements Expiring, ClientSide {
  deadline: number;
  /** Of the whole request; `null`: it has no limit. */
  readonly requestClock: RequestClock | null;
  private phase = IDLE;
  private readonly head: RequestHead;
  private readonly input: HeadInput;
  private readonly fields: ScannedFields;
  private readonly transfer: Transfer;
  /** Of the present request. */
  private readonly request: GatewayRequest;
  private readonly socket: Socket;
  private readonly buffer = new ReadBuffer();
  /** Bytes of the last read; 0 when they are still on their way to the instance. */
  private lastRead = 0;
  private body: ChunkedBody | null = null;
  private bodyLeft = 0;
  private bodyDeadline = 0;
  private bodyCopy: BodyCopy | null = null;
  private requestWhole = true;
  private keepAlive = true;
  /** The client has ended its side. */
  private halfClosed = false;
  /** Bytes that cannot be taken yet. Reading goes on until they are many: only who reads learns that the client is gone. */
  private held: Buffer | null = null;
  /** The client ended its side behind what is held. */
  private endHeld = false;
  /** The instance does not take more of the body at the moment. */
  private blocked = false;
  private taking = false;

  constructor(
    private readonly engine: EngineContext & InstancePools,
    accepted: Socket,
    private readonly onGone: (connection: ClientConnection) => void,
  ) {
    const { headBytes, targetBytes, headTimeoutMs, requestTimeoutMs } = engine.limits;
    this.requestClock = requestTimeoutMs === 0 ? null : new RequestClock(() => this.transfer.late(this.requestWhole, requestTimeoutMs));
    this.head = new RequestHead({ headBytes, targetBytes });
    this.input = new HeadInput(headBytes);
    this.fields = new ScannedFields(this.head.fields);
    this.transfer = new Transfer(engine, this, this.head);
    const remoteAddress = plainAddress(accepted.remoteAddress ?? '');
    this.request = { method: '', target: '', fields: this.fields, remoteAddress, encrypted: false, asked: null };
    this.deadline = engine.now + headTimeoutMs;
    const socket = readInto(accepted, {
      buffer: () => this.buffer.next(this.phase === BODY && this.lastRead >= LONG_READ_BYTES),
      callback: (bytes, buffer) => this.onRead(buffer as Buffer, bytes),
    });
    this.socket = socket;
    if (socket === accepted) socket.on('data', (chunk: Buffer) => this.take(chunk, 0, chunk.length));
    socket.on('end', () => this.onEnd());
    socket.on('drain', () => this.onDrain());
    socket.on('error', () => this.close());
    socket.on('close', () => this.close());
  }

  /** Nothing has been asked that is not answered. */
  get idle(): boolean {
    return this.phase === IDLE;
  }

  get mayStayOpen(): boolean {
    return this.keepAlive && this.requestWhole && !this.halfClosed && !this.engine.draining;
  }

  private onRead(buffer: Buffer, length: number): boolean {
    // A tunnel's bytes go the way of streams.
    if (this.phase === TUNNEL) return this.socket.push(Buffer.from(buffer.subarray(0, length)));
    this.lastRead = length;
    this.take(buffer, 0, length);
    return true;
  }

  /** Takes `chunk[start, end)`, which is valid until this returns. */
  private take(chunk: Buffer, start: number, end: number): void {
    let p = start;
    this.taking = true;
    while (p < end) {
      if (this.held !== null || this.blocked) p = this.hold(chunk, p, end);
      else if (this.phase <= HEAD) p = this.takeHead(chunk, p, end);
      else if (this.phase === BODY && this.transfer.ready) p = this.takeBody(chunk, p, end);
      else if (this.phase === BODY || this.phase === ANSWER) p = this.hold(chunk, p, end);
      else break;
    }
    this.taking = false;
    if (this.phase === BODY || this.phase === ANSWER) this.transfer.flush();
  }

  private hold(chunk: Buffer, start: number, end: number): number {
    const more = chunk.subarray(start, end);
    this.held = this.held === null ? Buffer.from(more) : Buffer.concat([this.held, more]);
    if (this.held.length >= MAX_HELD_BYTES) this.socket.pause();
    return end;
  }

  /** Goes on with what was held: the instance is ready for the body, or the next request may be read. */
  proceed(): void {
    if (this.phase === BODY) this.awaitBody();
    // Whoever takes is about to take the body as well, which the head then leaves with.
    if (this.taking) return;
    const { held } = this;
    if (held === null) this.transfer.flush();
    else {
      this.held = null;
      this.take(held, 0, held.length);
      if (this.endHeld && this.held === null && this.phase !== CLOSED) this.onEnd();
    }
    if ((this.held?.length ?? 0) < MAX_HELD_BYTES) this.socket.resume();
  }

  private takeHead(chunk: Buffer, start: number, end: number): number {
    const { head, input } = this;
    const next = input.read(head, chunk, start, end);
    if (next === REFUSED) {
      this.refuseHead(head.refusal as Refusal);
      return end;
    }
    if (next < 0) {
      if (this.phase === IDLE && !head.untouched) {
        this.phase = HEAD;
        this.deadline = this.engine.now + this.engine.limits.headTimeoutMs;
      }
      return end;
    }
    this.open();
    return next;
  }

  private open(): void {
    const { head, fields, engine } = this;
    const text = this.input.text(head);
    fields.text = text;
    if (!this.input.repeated) {
      this.request.method = head.method;
      this.request.target = text.slice(head.targetStart, head.targetEnd);
      this.request.asked = null;
    }
    this.keepAlive = head.keepAlive;
    this.requestWhole = head.framing === NO_BODY;
    this.bodyCopy = null;
    this.phase = this.requestWhole ? ANSWER : BODY;
    this.deadline = 0;
    const { bodyBytes } = engine.limits;
    if (head.method === 'CONNECT') {
      this.refuse('method_not_supported', 'CONNECT is not supported.');
      return;
    }
    if (head.framing === BY_LENGTH) {
      this.bodyLeft = head.contentLength;
      if (bodyBytes > 0 && head.contentLength > bodyBytes) {
        this.refuse('body_too_large', bodyLimit(bodyBytes));
        return;
      }
    } else if (head.framing === CHUNKED) {
      this.body ??= new ChunkedBody();
      this.body.begin();
    }
    const opened = engine.gateway.open(this.request);
    if (opened.kind === 'exchange') {
      if (!this.requestWhole) this.deadline = engine.now + engine.limits.streamIdleMs;
      this.requestClock?.start(engine.now + engine.limits.requestTimeoutMs);
      if (opened.copy !== null) this.copyBody(opened.copy);
      this.transfer.begin(opened, text);
      return;
    }
    opened.end(opened.answer.status);
    this.answerWith(opened.answer);
  }

  private copyBody(copy: RequestCopy): void {
    if (this.requestWhole) copy.send(null);
    else if (this.head.framing === CHUNKED || this.bodyLeft <= copy.maxBodyBytes) this.bodyCopy = new BodyCopy(copy);
  }

  /** The client's turn: with the first part of the body, and again when the instance has kept it waiting. */
  private awaitBody(): void {
    const { streamIdleMs, headTimeoutMs, minBodyBytesPerSecond } = this.engine.limits;
    const waits = minBodyBytesPerSecond === 0 || this.head.expectsContinue || this.transfer.answering;
    this.bodyDeadline = this.engine.now + (waits ? streamIdleMs : Math.min(headTimeoutMs, streamIdleMs));
    this.deadline = this.bodyDeadline;
  }

  /** Each byte buys time, at most as much as silence may last: a body that only trickles runs out of it. */
  private bodyCame(bytes: number): void {
    const { streamIdleMs, minBodyBytesPerSecond } = this.engine.limits;
    const latest = this.engine.now + streamIdleMs;
    if (minBodyBytesPerSecond === 0 || this.transfer.answering) this.bodyDeadline = latest;
    else this.bodyDeadline = Math.min(this.bodyDeadline + (bytes * 1_000) / minBodyBytesPerSecond, latest);
    this.deadline = this.bodyDeadline;
  }

  private takeBody(chunk: Buffer, start: number, length: number): number {
    const { bodyBytes } = this.engine.limits;
    this.bodyCame(length - start);
    let end: number;
    let passEnd: number;
    let tail = '';
    if (this.body !== null && this.head.framing === CHUNKED) {
      const { bodyCopy } = this;
      end = this.body.scan(chunk, start, length, bodyCopy === null ? undefined : (bytes, from, to) => bodyCopy.add(bytes, from, to));
      passEnd = this.body.passEnd;
      if (end === REFUSED) {
        this.keepAlive = false;
        this.transfer.fail('bad_request', this.body.refusal?.detail ?? '');
        return length;
      }
      if (bodyBytes > 0 && this.body.contentBytes > bodyBytes) {
        this.transfer.fail('body_too_large', bodyLimit(bodyBytes));
        return length;
      }
      if (this.body.done) tail = this.body.trailerSection;
    } else {
      passEnd = Math.min(length, start + this.bodyLeft);
      this.bodyLeft -= passEnd - start;
      this.bodyCopy?.add(chunk, start, passEnd);
      end = this.bodyLeft === 0 ? passEnd : -1;
    }
    const { transfer } = this;
    if (passEnd > start) this.passOn(transfer.sendBody(chunk, start, passEnd));
    if (end < 0) return length;
    this.requestWhole = true;
    this.phase = ANSWER;
    // An early answer may already wait for the client to read.
    this.deadline = sentBy(this.socket) === FULL ? this.engine.now + this.engine.limits.streamIdleMs : 0;
    transfer.bodySent(tail);
    this.bodyCopy?.send();
    this.bodyCopy = null;
    return end;
  }

  private passOn(sent: Sent): void {
    if (sent === LEFT) return;
    this.buffer.giveAway();
    this.lastRead = 0;
    if (sent !== FULL) return;
    this.blocked = true;
    this.deadline = this.engine.now + this.engine.limits.streamIdleMs;
  }

  unblock(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.proceed();
  }

  write(text: string): void {
    this.socket.write(text, 'latin1');
  }

  send(before: string, bytes: Buffer, start: number, end: number, after: string): Sent {
    const sent = writePiece(this.socket, before, bytes, start, end, after);
    if (this.halfClosed) this.deadline = this.engine.now + HALF_CLOSED_MS;
    if (sent === FULL && this.phase === ANSWER) this.deadline = this.engine.now + this.engine.limits.streamIdleMs;
    return sent;
  }

  answered(mayStayOpen: boolean): void {
    this.requestClock?.stop();
    if (this.phase === CLOSED) return;
    if (!mayStayOpen || !this.mayStayOpen) {
      this.linger();
      return;
    }
    this.phase = IDLE;
    this.blocked = false;
    this.head.begin();
    this.input.begin();
    this.deadline = this.engine.now + this.engine.limits.clientIdleMs;
    // A client that sends requests and does not read their answers: the next one waits.
    if (sentBy(this.socket) === FULL) {
      this.blocked = true;
      this.socket.pause();
      return;
    }
    if (this.held !== null) this.proceed();
  }

  answerWith(problem: RenderedProblem): void {
    if (this.phase === CLOSED) return;
    const mayStayOpen = this.mayStayOpen && this.phase === ANSWER;
    const lines = [`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`];
    for (let i = 0; i < problem.headers.length; i += 2) lines.push(`${problem.headers[i]}: ${problem.headers[i + 1]}`);
    if (!mayStayOpen) lines.push('Connection: close');
    else if (this.head.minorVersion === 0) lines.push('Connection: keep-alive');
    this.socket.write(`${lines.join('\r\n')}\r\n\r\n${this.head.method === 'HEAD' ? '' : problem.body}`);
    this.answered(mayStayOpen);
  }

  private refuseHead(refusal: Refusal): void {
    // The scanner's head is not whole: nothing of it counts, least of all its method.
    this.head.method = '';
    this.refuse(CODES[refusal.status], refusal.detail);
  }

  private refuse(code: ProblemCode, detail: string): void {
    this.keepAlive = false;
    this.answerWith(this.engine.gateway.refuseUnparsed({ code, detail }));
  }

  cut(looksWhole: boolean): void {
    if (looksWhole && this.phase !== CLOSED) this.socket.resetAndDestroy();
    this.close();
  }

  tunnel(connection: InstanceConnection, rest: Buffer): void {
    this.phase = TUNNEL;
    this.deadline = 0;
    this.requestClock?.stop();
    const { held } = this;
    this.held = null;
    const sides = { client: this.socket, instance: connection.socket };
    joinTunnel(sides, { early: held, rest, idleMs: this.engine.limits.tunnelIdleMs, onEnd: () => this.close() });
  }

  expired(): void {
    this.deadline = 0;
    if (this.phase === HEAD) this.refuse('request_timeout', 'The head of the request did not arrive in time.');
    else if (this.phase === BODY && this.blocked) {
      this.transfer.fail('upstream_timeout', `The instance took nothing of the body for ${this.engine.limits.streamIdleMs} ms.`);
    } else if (this.phase === BODY && !this.transfer.answering) {
      this.transfer.fail('request_timeout', 'The body of the request did not arrive in time.');
    } else this.close();
  }

  /** To be called now and then. */
  noticeReset(): void {
    noticeReset(this.socket);
  }

  private linger(): void {
    this.phase = LINGER;
    this.held = null;
    this.blocked = false;
    this.deadline = this.engine.now + LINGER_MS;
    this.socket.end();
    if (this.endHeld) this.socket.destroySoon();
    else if (!this.halfClosed) this.socket.resume();
  }

  private onDrain(): void {
    if (this.phase === IDLE && this.blocked) {
      this.blocked = false;
      this.proceed();
      return;
    }
    if (this.phase === ANSWER) this.deadline = this.halfClosed ? this.engine.now + HALF_CLOSED_MS : 0;
    this.transfer.clientDrained();
  }

  private onEnd(): void {
    this.endHeld = this.held !== null;
    if (this.endHeld) return;
    this.halfClosed = true;
    // The answer to a whole request is still wanted (RFC 9112 §9.6).
    if (this.phase === ANSWER) this.deadline = this.engine.now + HALF_CLOSED_MS;
    else if (this.phase === LINGER) this.socket.destroySoon();
    else this.close();
  }

  /** Ends it at once; a request that runs is given up. */
  close(): void {
    if (this.phase === CLOSED) return;
    const wasTunnel = this.phase === TUNNEL;
    this.phase = CLOSED;
    this.deadline = 0;
    this.held = null;
    if (this.transfer.endLooksWhole) this.socket.resetAndDestroy();
    if (wasTunnel) this.transfer.tunnelEnded();
    else this.transfer.abort();
    this.socket.destroy();
    this.buffer.release();
    this.onGone(this);
  }
}

function bodyLimit(bytes: number): string {
  return `The body is larger than ${bytes} bytes.`;
}

const CODES: Record<Refusal['status'], ProblemCode> = {
  400: 'bad_request',
  414: 'uri_too_long',
  417: 'expectation_failed',
  431: 'header_too_large',
  501: 'method_not_supported',
  505: 'version_not_supported',
};
