import { CR, endOfClass, FIELD_VALUE, isDigit, LF, SP } from './bytes.js';
import { FieldBlock, NEED_MORE, REFUSED } from './field-block.js';
import { CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE } from './field-names.js';
import {
  BY_LENGTH,
  CHUNKED,
  ConnectionOptions,
  contentLengthOf,
  type Framing,
  NO_BODY,
  transferEncodingRefusal,
  UNTIL_CLOSE,
} from './framing.js';
import { type HeadLimits, RESPONSE_HEAD_LIMITS } from './limits.js';
import { REFUSALS, type Refusal } from './scan-error.js';

const STATUS = 0;
const REASON = 1;
const FIELDS = 2;

/** "HTTP/1.1 200" */
const STATUS_BYTES = 12;

/**
 * Scanner of one response head (RFC 9112 §4, §5, §6), as strict as that of requests: what it refuses is a 502. Used again for
 * each response of a connection, 1xx ones included: begin, scan, and again while {@link isInterim}. Positions are offsets from `base`.
 */
export class ResponseHead {
  /** 100 to 999. */
  status = 0;
  /** 0 or 1, of HTTP/1.x. */
  minorVersion = 1;
  /** May be empty. */
  reasonStart = 0;
  reasonEnd = 0;
  /** After the empty line that ends the head. */
  end = 0;
  framing: Framing = NO_BODY;
  /** What the Content-Length field says, also when there is no content (HEAD, 304); -1 without such a field. */
  contentLength = -1;
  contentLengthCanonical = true;
  /** May the connection be used again after the content? Never after content that ends with the connection. */
  keepAlive = true;
  /** 101 with its Upgrade field and connection option; a 101 without is refused. */
  upgrade = false;
  refusal: Refusal | null = null;
  readonly fields: FieldBlock;
  readonly connection = new ConnectionOptions();

  private phase = STATUS;
  private position = 0;
  private toHead = false;
  /** What was true of the request when {@link framing} was found. */
  private wasToHead = false;

  constructor(private readonly limits: HeadLimits = RESPONSE_HEAD_LIMITS) {
    if (limits.headBytes > 0xffff) throw new RangeError('headBytes must be at most 65535');
    this.fields = new FieldBlock(limits.headBytes >> 2);
  }

  /** Forgets the last response. @param toHead the request was a HEAD, so that no content follows whatever the fields say */
  begin(toHead: boolean): void {
    this.phase = STATUS;
    this.position = 0;
    this.toHead = toHead;
    this.refusal = null;
  }

  get wouldRepeat(): boolean {
    return this.toHead === this.wasToHead;
  }

  /** A 1xx other than 101: the real response is still to come. */
  get isInterim(): boolean {
    return this.status < 200 && this.status !== 101;
  }

  /** As RequestHead.scan. */
  scan(bytes: Uint8Array, base: number, end: number): number {
    const stop = Math.min(end, base + this.limits.headBytes);
    let result = this.phase === FIELDS ? 0 : this.scanStatusLine(bytes, base, stop);
    if (result >= 0) {
      result = this.fields.scan(bytes, base, stop);
      if (result >= 0) {
        this.end = result - base;
        const refusal = this.interpret(bytes, base);
        return refusal === null ? result : this.refuse(refusal);
      }
      if (result === REFUSED) this.refusal = this.fields.refusal;
    }
    if (result === NEED_MORE && stop - base === this.limits.headBytes) return this.refuse(REFUSALS.headTooLarge);
    return result;
  }

  private scanStatusLine(bytes: Uint8Array, base: number, end: number): number {
    let p = base + this.position;
    if (this.phase === STATUS) {
      if (end - p <= STATUS_BYTES) return this.pauseInStatus(bytes, p, end);
      if (!isStatusLine(bytes, p)) return this.refuse(REFUSALS.statusLine);
      const minor = bytes[p + 7]! - 0x30;
      if (bytes[p + 5] !== 0x31 || minor > 1) return this.refuse(REFUSALS.version);
      this.minorVersion = minor;
      this.status = (bytes[p + 9]! - 0x30) * 100 + (bytes[p + 10]! - 0x30) * 10 + bytes[p + 11]! - 0x30;
      if (this.status < 100) return this.refuse(REFUSALS.statusLine);
      // HTTP/1.0 has no interim responses (RFC 9110 §15.2).
      if (this.status < 200 && minor === 0) return this.refuse(REFUSALS.version);
      p += STATUS_BYTES;
      // The space is required even without a reason (§4), but often left out; the head that goes on has it.
      if (bytes[p] === SP) p++;
      else if (bytes[p] !== CR) return this.refuse(bytes[p] === LF ? REFUSALS.bareLineFeed : REFUSALS.statusLine);
      this.reasonStart = p - base;
      this.phase = REASON;
    }
    p = endOfClass(bytes, p, end, FIELD_VALUE);
    if (p === end || (bytes[p] === CR && p + 1 === end)) return this.pause(p - base);
    if (bytes[p] !== CR) return this.refuse(bytes[p] === LF ? REFUSALS.bareLineFeed : REFUSALS.statusLine);
    if (bytes[p + 1] !== LF) return this.refuse(REFUSALS.bareCarriageReturn);
    this.reasonEnd = p - base;
    this.phase = FIELDS;
    this.fields.begin(p + 2 - base);
    return p + 2;
  }

  /** A line that ends early, or something that is not HTTP at all, need not be waited for. */
  private pauseInStatus(bytes: Uint8Array, start: number, end: number): number {
    for (let p = start; p < end; p++) if (bytes[p] === LF || bytes[p] === CR) return this.refuse(REFUSALS.statusLine);
    return this.pause(this.position);
  }

  private interpret(bytes: Uint8Array, base: number): Refusal | null {
    this.wasToHead = this.toHead;
    this.contentLength = -1;
    this.contentLengthCanonical = true;
    this.upgrade = false;
    return this.readConnection(bytes, base) ?? this.readFraming(bytes, base) ?? this.readSwitch();
  }

  private readConnection(bytes: Uint8Array, base: number): Refusal | null {
    const { fields, connection } = this;
    connection.begin();
    this.keepAlive = this.minorVersion === 1;
    if ((fields.seen & (1 << CONNECTION)) === 0) return null;
    for (let field = 0; field < fields.count; field++) {
      if (fields.kinds[field] !== CONNECTION) continue;
      const refusal = connection.add(bytes, base, base + fields.valueStart(field), base + fields.valueEnd(field));
      if (refusal !== null) return refusal;
    }
    const staysOpen = connection.staysOpen(this.minorVersion);
    if (staysOpen === null) return REFUSALS.connection;
    this.keepAlive = staysOpen;
    if (connection.namesFields) connection.nominate(fields, { bytes, base });
    return null;
  }

  /** RFC 9112 §6.3, in its order; fields that §6.1 and RFC 9110 §8.6 forbid for a status are refused unless they say "nothing". */
  private readFraming(bytes: Uint8Array, base: number): Refusal | null {
    const { seen, repeated } = this.fields;
    const neverHasContent = this.status < 200 || this.status === 204;
    const without = neverHasContent || this.status === 304 || this.toHead;
    const hasLength = (seen & (1 << CONTENT_LENGTH)) !== 0;
    if ((seen & (1 << TRANSFER_ENCODING)) !== 0) {
      if (hasLength) return REFUSALS.lengthAndEncoding;
      if (this.minorVersion === 0 || neverHasContent) return REFUSALS.encodingNotAllowed;
      this.framing = without ? NO_BODY : CHUNKED;
      return transferEncodingRefusal(this.fields, { bytes, base });
    }
    if (!hasLength) {
      this.framing = without ? NO_BODY : UNTIL_CLOSE;
      if (!without) this.keepAlive = false;
      return null;
    }
    if ((repeated & (1 << CONTENT_LENGTH)) !== 0) return REFUSALS.contentLengthRepeated;
    const parsed = contentLengthOf(this.fields, { bytes, base });
    if (parsed === null) return REFUSALS.contentLength;
    if (neverHasContent && parsed.length > 0) return REFUSALS.bodyNotAllowed;
    this.contentLength = parsed.length;
    this.contentLengthCanonical = parsed.canonical;
    this.framing = without || parsed.length === 0 ? NO_BODY : BY_LENGTH;
    return null;
  }

  private readSwitch(): Refusal | null {
    // Close in an interim response: the real one would come on a connection that is said to be closed.
    if (this.isInterim) return this.connection.close ? REFUSALS.connection : null;
    if (this.status !== 101) return null;
    this.upgrade = (this.fields.seen & (1 << UPGRADE)) !== 0 && this.connection.upgrade && this.minorVersion === 1;
    return this.upgrade ? null : REFUSALS.connection;
  }

  private pause(offset: number): number {
    this.position = offset;
    return NEED_MORE;
  }

  private refuse(refusal: Refusal): number {
    this.refusal = refusal;
    return REFUSED;
  }
}

/** `HTTP/` digit `.` digit SP digit digit digit */
function isStatusLine(bytes: Uint8Array, p: number): boolean {
  return (
    bytes[p] === 0x48 &&
    bytes[p + 1] === 0x54 &&
    bytes[p + 2] === 0x54 &&
    bytes[p + 3] === 0x50 &&
    bytes[p + 4] === 0x2f &&
    isDigit(bytes[p + 5]!) &&
    bytes[p + 6] === 0x2e &&
    isDigit(bytes[p + 7]!) &&
    bytes[p + 8] === SP &&
    isDigit(bytes[p + 9]!) &&
    isDigit(bytes[p + 10]!) &&
    isDigit(bytes[p + 11]!)
  );
}
