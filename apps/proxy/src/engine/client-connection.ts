import type { Socket } from 'node:net';
import { plainAddress } from '../http/forwarded.js';
import { type Problem, problemText, type RenderedProblem } from '../http/problems.js';
import { REFUSED } from '../http1/field-block.js';
import { NO_BODY } from '../http1/framing.js';
import type { RequestHead } from '../http1/request-head.js';
import { noticeReset } from '../upstream/notice-reset.js';
import { readInto } from './accepted-socket.js';
import type { EngineContext, Expiring } from './engine-context.js';
import { HeldBytes } from './held-bytes.js';
import type { InstanceConnection } from './instance-connection.js';
import { LONG_READ_BYTES, ReadBuffer } from './read-buffer.js';
import { RequestBody } from './request-body.js';
import { RequestClock } from './request-clock.js';
import { RequestReader } from './request-reader.js';
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
  private readonly reader: RequestReader;
  private readonly head: RequestHead;
  private readonly transfer: Transfer;
  private readonly body: RequestBody;
  private readonly held: HeldBytes;
  private readonly socket: Socket;
  private readonly buffer = new ReadBuffer();
  /** Bytes of the last read; 0 when they are still on their way to the instance. */
  private lastRead = 0;
  private requestWhole = true;
  private keepAlive = true;
  /** The client has ended its side. */
  private halfClosed = false;
  /** The instance does not take more of the body at the moment. */
  private blocked = false;
  private taking = false;

  constructor(
    private readonly engine: EngineContext & InstancePools,
    accepted: Socket,
    private readonly onGone: (connection: ClientConnection) => void,
  ) {
    const { headTimeoutMs, requestTimeoutMs } = engine.limits;
    this.requestClock = requestTimeoutMs === 0 ? null : new RequestClock(() => this.transfer.late(this.requestWhole, requestTimeoutMs));
    this.reader = new RequestReader(engine.limits, plainAddress(accepted.remoteAddress ?? ''));
    this.head = this.reader.head;
    this.transfer = new Transfer(engine, this, this.head);
    this.body = new RequestBody(engine, this.head);
    this.deadline = engine.now + headTimeoutMs;
    const socket = readInto(accepted, {
      buffer: () => this.buffer.next(this.phase === BODY && this.lastRead >= LONG_READ_BYTES),
      callback: (bytes, buffer) => this.onRead(buffer as Buffer, bytes),
    });
    this.socket = socket;
    this.held = new HeldBytes(socket);
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
      if (!this.held.none || this.blocked) p = this.hold(chunk, p, end);
      else if (this.phase <= HEAD) p = this.takeHead(chunk, p, end);
      else if (this.phase === BODY && this.transfer.ready) p = this.takeBody(chunk, p, end);
      else if (this.phase === BODY || this.phase === ANSWER) p = this.hold(chunk, p, end);
      else break;
    }
    this.taking = false;
    if (this.phase === BODY || this.phase === ANSWER) this.transfer.flush();
  }

  private hold(chunk: Buffer, start: number, end: number): number {
    this.held.add(chunk, start, end);
    return end;
  }

  /** Goes on with what was held: the instance is ready for the body, or the next request may be read. */
  proceed(): void {
    if (this.phase === BODY) this.deadline = this.body.await(this.transfer.answering);
    // Whoever takes is about to take the body as well, which the head then leaves with.
    if (this.taking) return;
    const { held } = this;
    const bytes = held.takeOut();
    if (bytes === null) this.transfer.flush();
    else {
      this.take(bytes, 0, bytes.length);
      if (held.ended && held.none && this.phase !== CLOSED) this.onEnd();
    }
    held.readOn();
  }

  private takeHead(chunk: Buffer, start: number, end: number): number {
    const next = this.reader.read(chunk, start, end);
    if (next === REFUSED) {
      this.refuse(this.reader.problem as Problem);
      return end;
    }
    if (next < 0) {
      if (this.phase === IDLE && !this.head.untouched) {
        this.phase = HEAD;
        this.deadline = this.engine.now + this.engine.limits.headTimeoutMs;
      }
      return end;
    }
    this.open();
    return next;
  }

  private open(): void {
    const { head, engine, reader } = this;
    this.keepAlive = head.keepAlive;
    this.requestWhole = head.framing === NO_BODY;
    this.phase = this.requestWhole ? ANSWER : BODY;
    this.deadline = 0;
    if (head.method === 'CONNECT') {
      this.refuse({ code: 'method_not_supported', detail: 'CONNECT is not supported.' });
      return;
    }
    if (!this.requestWhole && !this.body.begin()) {
      this.refuse(this.body.problem as Problem);
      return;
    }
    const opened = engine.gateway.open(reader.request);
    if (opened.kind === 'exchange') {
      if (!this.requestWhole) this.deadline = engine.now + engine.limits.streamIdleMs;
      this.requestClock?.start(engine.now + engine.limits.requestTimeoutMs);
      if (opened.copy !== null) {
        if (this.requestWhole) opened.copy.send(null);
        else this.body.copyTo(opened.copy);
      }
      this.transfer.begin(opened, reader.text);
      return;
    }
    opened.end(opened.answer.status);
    this.answerWith(opened.answer);
  }

  private takeBody(chunk: Buffer, start: number, length: number): number {
    const { body, transfer } = this;
    this.deadline = body.came(length - start, transfer.answering);
    const end = body.read(chunk, start, length);
    if (end === REFUSED) {
      const { code, detail } = body.problem as Problem;
      transfer.fail(code, detail);
      return length;
    }
    if (body.passEnd > start) this.passOn(transfer.sendBody(chunk, start, body.passEnd));
    if (end < 0) return length;
    this.requestWhole = true;
    this.phase = ANSWER;
    // An early answer may already wait for the client to read.
    this.deadline = sentBy(this.socket) === FULL ? this.engine.now + this.engine.limits.streamIdleMs : 0;
    transfer.bodySent(body.tail);
    body.sendCopy();
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
    this.reader.begin();
    this.deadline = this.engine.now + this.engine.limits.clientIdleMs;
    // A client that sends requests and does not read their answers: the next one waits.
    if (sentBy(this.socket) === FULL) {
      this.blocked = true;
      this.socket.pause();
      return;
    }
    if (!this.held.none) this.proceed();
  }

  answerWith(problem: RenderedProblem): void {
    if (this.phase === CLOSED) return;
    const mayStayOpen = this.mayStayOpen && this.phase === ANSWER;
    const connection = !mayStayOpen ? 'close' : this.head.minorVersion === 0 ? 'keep-alive' : null;
    this.socket.write(problemText(this.head.method === 'HEAD' ? { ...problem, body: '' } : problem, connection));
    this.answered(mayStayOpen);
  }

  private refuse(problem: Problem): void {
    this.keepAlive = false;
    this.answerWith(this.engine.gateway.refuseUnparsed(problem));
  }

  cut(looksWhole: boolean): void {
    if (looksWhole && this.phase !== CLOSED) this.socket.resetAndDestroy();
    this.close();
  }

  tunnel(connection: InstanceConnection, rest: Buffer): void {
    this.phase = TUNNEL;
    this.deadline = 0;
    this.requestClock?.stop();
    const sides = { client: this.socket, instance: connection.socket };
    joinTunnel(sides, { early: this.held.takeOut(), rest, idleMs: this.engine.limits.tunnelIdleMs, onEnd: () => this.close() });
  }

  expired(): void {
    this.deadline = 0;
    if (this.phase === HEAD) this.refuse({ code: 'request_timeout', detail: 'The head of the request did not arrive in time.' });
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
    this.held.takeOut();
    this.blocked = false;
    this.deadline = this.engine.now + LINGER_MS;
    this.socket.end();
    if (this.held.ended) this.socket.destroySoon();
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
    if (this.held.end()) return;
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
    this.held.takeOut();
    if (this.transfer.endLooksWhole) this.socket.resetAndDestroy();
    if (wasTunnel) this.transfer.tunnelEnded();
    else this.transfer.abort();
    this.socket.destroy();
    this.buffer.release();
    this.onGone(this);
  }
}
