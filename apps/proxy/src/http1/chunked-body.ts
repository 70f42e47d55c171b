import { BACKSLASH, CR, DQUOTE, EQUALS, FIELD_VALUE, HEX, LF, QUOTED, SEMICOLON, TOKEN } from './bytes.js';
import { FieldBlock, NEED_MORE, REFUSED } from './field-block.js';
import { CONNECTION, CONTENT_LENGTH, OTHER, TRANSFER_ENCODING, UPGRADE } from './field-names.js';
import {
  MAX_CHUNK_BYTES,
  MAX_CHUNK_DIGITS,
  MAX_CHUNK_EXTENSION_BYTES,
  MAX_MESSAGE_EXTENSION_BYTES,
  MAX_TRAILER_BYTES,
  MAX_TRAILER_FIELDS,
} from './limits.js';
import { REFUSALS, type Refusal } from './scan-error.js';

const SIZE_START = 0;
const SIZE = 1;
const EXTENSION_NAME_START = 2;
const EXTENSION_NAME = 3;
const EXTENSION_VALUE_START = 4;
const EXTENSION_VALUE = 5;
const EXTENSION_QUOTED = 6;
const EXTENSION_ESCAPED = 7;
const EXTENSION_QUOTED_END = 8;
const SIZE_LF = 9;
const DATA = 10;
const DATA_CR = 11;
const DATA_LF = 12;
const TRAILERS = 13;
const DONE = 14;

/** Some readers obey these in a trailer section too. */
const FRAMING_FIELDS = (1 << CONTENT_LENGTH) | (1 << TRANSFER_ENCODING) | (1 << CONNECTION) | (1 << UPGRADE);

/** Receives the content of a body, in order; the span is valid during the call only. */
export type ContentSink = (bytes: Buffer, start: number, end: number) => void;

/**
 * Follows a chunked body (RFC 9112 §7.1) without copying it, and says where it ends. What it accepts may be passed on byte for
 * byte: the grammar is that of the RFC without the optional ("bad") white space, so that every reader sees the same chunks.
 *
 * Extensions have to be well-formed and short and then go through as they are; they cannot hide a line end. The trailer section is
 * held back until it is whole ({@link passEnd}) and then written anew ({@link trailerSection}) without the fields that belong in a head
 * (routing, authentication, the proxy's own, content-*; RFC 9110 §6.5.1). A piece that is refused is not passed on and the
 * connection to the reader is cut: what it got of earlier pieces is an unfinished message.
 */
export class ChunkedBody {
  refusal: Refusal | null = null;
  /** Content bytes so far, without the framing. */
  contentBytes = 0;
  /** Names and values of the trailer section in turn, once the body is done; those that go no further included. */
  trailerPairs: string[] = [];
  /** After a scan: the index in its piece up to which the bytes may be passed on as they are. */
  passEnd = 0;
  /** Once the body is done: what is to be sent after the last chunk's line: the allowed trailer fields and the empty line. */
  trailerSection = '';
  private readonly trailers = new FieldBlock(MAX_TRAILER_FIELDS);

  private phase = SIZE_START;
  private size = 0;
  private digits = 0;
  /** Content still to come of this chunk. */
  private left = 0;
  private extensionBytes = 0;
  private messageExtensionBytes = 0;
  /** The trailer section so far, when it came in pieces. */
  private kept: Buffer | null = null;
  private keptBytes = 0;

  begin(): void {
    this.refusal = null;
    this.contentBytes = 0;
    this.phase = SIZE_START;
    this.extensionBytes = 0;
    this.messageExtensionBytes = 0;
    this.kept = null;
    this.keptBytes = 0;
    this.trailerPairs = [];
  }

  get done(): boolean {
    return this.phase === DONE;
  }

  /**
   * Goes on in `bytes[start, end)`.
   * @param sink gets the content without framing, for a peer that speaks HTTP/1.0 or for a limit on the content
   * @returns the index after the body when it ends here, {@link NEED_MORE} when all bytes belong to it, or {@link REFUSED}
   */
  scan(bytes: Buffer, start: number, end: number, sink?: ContentSink): number {
    let p = start;
    this.passEnd = start;
    while (p < end) {
      if (this.phase === DATA) {
        const taken = Math.min(this.left, end - p);
        if (sink !== undefined) sink(bytes, p, p + taken);
        this.contentBytes += taken;
        this.left -= taken;
        p += taken;
        if (this.left === 0) this.phase = DATA_CR;
      } else if (this.phase === TRAILERS) {
        this.passEnd = p;
        return this.scanTrailers(bytes, p, end);
      } else {
        const refusal = this.step(bytes[p]!);
        if (refusal !== null) return this.refuse(refusal);
        p++;
      }
    }
    this.passEnd = end;
    return NEED_MORE;
  }

  /** One byte outside of content and trailers. */
  private step(byte: number): Refusal | null {
    switch (this.phase) {
      case SIZE_START:
        this.size = 0;
        this.digits = 0;
        this.extensionBytes = 0;
        this.phase = SIZE;
        return this.digit(byte);
      case SIZE:
        if (HEX[byte] !== 255) return this.digit(byte);
        if (byte === SEMICOLON) return this.extension(EXTENSION_NAME_START);
        return this.lineEnd(byte, REFUSALS.chunkSize);
      case SIZE_LF:
        if (byte !== LF) return REFUSALS.bareCarriageReturn;
        this.left = this.size;
        if (this.size === 0) this.trailers.begin(0);
        this.phase = this.size === 0 ? TRAILERS : DATA;
        return null;
      case DATA_CR:
        this.phase = DATA_LF;
        return byte === CR ? null : REFUSALS.chunkEnd;
      case DATA_LF:
        this.phase = SIZE_START;
        return byte === LF ? null : REFUSALS.chunkEnd;
      default:
        return this.stepExtension(byte);
    }
  }

  private digit(byte: number): Refusal | null {
    const value = HEX[byte]!;
    if (value === 255 || ++this.digits > MAX_CHUNK_DIGITS) return REFUSALS.chunkSize;
    this.size = this.size * 16 + value;
    return this.size > MAX_CHUNK_BYTES ? REFUSALS.chunkSize : null;
  }

  /** chunk-ext = *( ";" token [ "=" ( token / quoted-string ) ] ) */
  private stepExtension(byte: number): Refusal | null {
    switch (this.phase) {
      case EXTENSION_NAME_START:
        return TOKEN[byte] !== 0 ? this.extension(EXTENSION_NAME) : REFUSALS.chunkExtension;
      case EXTENSION_NAME:
        if (TOKEN[byte] !== 0) return this.extension(EXTENSION_NAME);
        if (byte === EQUALS) return this.extension(EXTENSION_VALUE_START);
        break;
      case EXTENSION_VALUE_START:
        if (byte === DQUOTE) return this.extension(EXTENSION_QUOTED);
        return TOKEN[byte] !== 0 ? this.extension(EXTENSION_VALUE) : REFUSALS.chunkExtension;
      case EXTENSION_VALUE:
        if (TOKEN[byte] !== 0) return this.extension(EXTENSION_VALUE);
        break;
      case EXTENSION_QUOTED:
        if (byte === DQUOTE) return this.extension(EXTENSION_QUOTED_END);
        if (byte === BACKSLASH) return this.extension(EXTENSION_ESCAPED);
        return QUOTED[byte] !== 0 ? this.extension(EXTENSION_QUOTED) : REFUSALS.chunkExtension;
      case EXTENSION_ESCAPED:
        return FIELD_VALUE[byte] !== 0 ? this.extension(EXTENSION_QUOTED) : REFUSALS.chunkExtension;
    }
    if (byte === SEMICOLON) return this.extension(EXTENSION_NAME_START);
    return this.lineEnd(byte, REFUSALS.chunkExtension);
  }

  private extension(next: number): Refusal | null {
    this.phase = next;
    const tooLong = ++this.extensionBytes > MAX_CHUNK_EXTENSION_BYTES || ++this.messageExtensionBytes > MAX_MESSAGE_EXTENSION_BYTES;
    return tooLong ? REFUSALS.chunkExtension : null;
  }

  private lineEnd(byte: number, otherwise: Refusal): Refusal | null {
    this.phase = SIZE_LF;
    if (byte === CR) return null;
    return byte === LF ? REFUSALS.bareLineFeed : otherwise;
  }

  private scanTrailers(bytes: Buffer, start: number, end: number): number {
    let from: Buffer = bytes;
    let base = start;
    let stop = Math.min(end, start + MAX_TRAILER_BYTES);
    if (this.kept !== null) {
      const more = Math.min(end - start, MAX_TRAILER_BYTES - this.keptBytes);
      bytes.copy(this.kept, this.keptBytes, start, start + more);
      from = this.kept;
      base = 0;
      stop = this.keptBytes + more;
    }
    const result = this.trailers.scan(from, base, stop);
    if (result === REFUSED) return this.refuse(this.trailers.refusal!);
    if (result === NEED_MORE) {
      if (stop - base === MAX_TRAILER_BYTES) return this.refuse(REFUSALS.trailerTooLarge);
      if (this.kept === null) {
        this.kept = Buffer.allocUnsafeSlow(MAX_TRAILER_BYTES);
        bytes.copy(this.kept, 0, start, end);
      }
      this.keptBytes = stop - base;
      return NEED_MORE;
    }
    if ((this.trailers.seen & FRAMING_FIELDS) !== 0) return this.refuse(REFUSALS.trailerFraming);
    this.readTrailers(from, base);
    this.phase = DONE;
    return start + (result - base) - this.keptBytes;
  }

  private readTrailers(bytes: Buffer, base: number): void {
    const { trailers } = this;
    this.trailerSection = '';
    for (let i = 0; i < trailers.count; i++) {
      if (trailers.kinds[i] === OTHER) {
        this.trailerSection += bytes.toString('latin1', base + trailers.nameStart(i), base + trailers.lineEnd(i));
      }
      this.trailerPairs.push(bytes.toString('latin1', base + trailers.nameStart(i), base + trailers.nameEnd(i)));
      this.trailerPairs.push(bytes.toString('latin1', base + trailers.valueStart(i), base + trailers.valueEnd(i)));
    }
    this.trailerSection += '\r\n';
  }

  private refuse(refusal: Refusal): number {
    this.refusal = refusal;
    return REFUSED;
  }
}
