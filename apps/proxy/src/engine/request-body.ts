import type { Problem, ProblemCode } from '../http/problems.js';
import { ChunkedBody } from '../http1/chunked-body.js';
import { NEED_MORE, REFUSED } from '../http1/field-block.js';
import { CHUNKED } from '../http1/framing.js';
import type { RequestHead } from '../http1/request-head.js';
import { BodyCopy } from '../upstream/body-copy.js';
import type { RequestCopy } from '../upstream/forwarder.js';
import type { EngineContext } from './engine-context.js';

/** The body of a request: where it ends, what of it is passed on, and how long it may take. Made once a client connection and used again. */
export class RequestBody {
  /** After {@link read}: the index up to which the bytes may be passed on as they are. */
  passEnd = 0;
  /** Once it is whole: what is to be sent behind what was passed on. */
  tail = '';
  /** Why it was refused. */
  problem: Problem | null = null;
  private chunks: ChunkedBody | null = null;
  /** Bytes still to come, where its length is known. */
  private left = 0;
  private copy: BodyCopy | null = null;
  /** Until when more of it has to come. */
  private deadline = 0;

  constructor(
    private readonly engine: EngineContext,
    private readonly head: RequestHead,
  ) {}

  /** Begins that of the head just read, which has one. False, with a {@link problem}: it will not be read. */
  begin(): boolean {
    const { framing, contentLength } = this.head;
    this.tail = '';
    this.copy = null;
    if (framing === CHUNKED) {
      this.chunks ??= new ChunkedBody();
      this.chunks.begin();
      return true;
    }
    this.left = contentLength;
    return !this.exceeds(contentLength);
  }

  /** Collects it for `copy`, unless it is too large. To be called before the first {@link read}. */
  copyTo(copy: RequestCopy): void {
    if (this.head.framing === CHUNKED || this.left <= copy.maxBodyBytes) this.copy = new BodyCopy(copy);
  }

  /** @returns the index behind the body if it ends in `bytes[start, end)`, NEED_MORE, or REFUSED with a {@link problem} */
  read(bytes: Buffer, start: number, end: number): number {
    if (this.chunks !== null && this.head.framing === CHUNKED) return this.readChunks(this.chunks, bytes, start, end);
    this.passEnd = Math.min(end, start + this.left);
    this.left -= this.passEnd - start;
    this.copy?.add(bytes, start, this.passEnd);
    return this.left === 0 ? this.passEnd : NEED_MORE;
  }

  private readChunks(chunks: ChunkedBody, bytes: Buffer, start: number, end: number): number {
    const { copy } = this;
    const next = chunks.scan(bytes, start, end, copy === null ? undefined : (piece, from, to) => copy.add(piece, from, to));
    this.passEnd = chunks.passEnd;
    if (next === REFUSED) {
      this.refuse('bad_request', chunks.refusal?.detail ?? '');
      return REFUSED;
    }
    if (this.exceeds(chunks.contentBytes)) return REFUSED;
    if (chunks.done) this.tail = chunks.trailerSection;
    return next;
  }

  /** It is whole. */
  sendCopy(): void {
    this.copy?.send();
    this.copy = null;
  }

  /**
   * The client's turn: with the first part of it, and again when the instance has kept the client waiting.
   * @param answering the instance has begun to answer: the two are talking, and may take their time
   * @returns until when
   */
  await(answering: boolean): number {
    const { streamIdleMs, headTimeoutMs, minBodyBytesPerSecond } = this.engine.limits;
    const waits = minBodyBytesPerSecond === 0 || this.head.expectsContinue || answering;
    this.deadline = this.engine.now + (waits ? streamIdleMs : Math.min(headTimeoutMs, streamIdleMs));
    return this.deadline;
  }

  /** Each byte buys time, at most as much as silence may last: a body that only trickles runs out of it. @returns until when more has to come */
  came(bytes: number, answering: boolean): number {
    const { streamIdleMs, minBodyBytesPerSecond } = this.engine.limits;
    const latest = this.engine.now + streamIdleMs;
    if (minBodyBytesPerSecond === 0 || answering) this.deadline = latest;
    else this.deadline = Math.min(this.deadline + (bytes * 1_000) / minBodyBytesPerSecond, latest);
    return this.deadline;
  }

  private exceeds(bytes: number): boolean {
    const { bodyBytes } = this.engine.limits;
    if (bodyBytes === 0 || bytes <= bodyBytes) return false;
    this.refuse('body_too_large', `The body is larger than ${bodyBytes} bytes.`);
    return true;
  }

  private refuse(code: ProblemCode, detail: string): void {
    this.problem = { code, detail };
  }
}
