import { isAuthority } from './authority.js';
import { COMMA, CR, endOfClass, isDigit, LF, SLASH, SP, spanIs, TARGET, TOKEN } from './bytes.js';
import { FieldBlock, NEED_MORE, REFUSED } from './field-block.js';
import { CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE } from './field-names.js';
import { BY_LENGTH, CHUNKED, ConnectionOptions, contentLengthOf, type Framing, NO_BODY, transferEncodingRefusal } from './framing.js';
import { type HeadLimits, MAX_METHOD_BYTES, REQUEST_HEAD_LIMITS } from './limits.js';
import { AUTHORITY_FORM, isWord, ORIGIN_FORM, parseUnusualTarget, type TargetForm } from './request-target.js';
import { REFUSALS, type Refusal } from './scan-error.js';

const EMPTY_LINES = 0;
const METHOD = 1;
const TARGET_PHASE = 2;
const VERSION = 3;
const FIELDS = 4;

const VERSION_BYTES = 8;
const NEEDS_A_LOOK = (1 << CONTENT_LENGTH) | (1 << TRANSFER_ENCODING) | (1 << EXPECT) | (1 << UPGRADE);

/**
 * Scanner of one request head (RFC 9112 §3, §5, §6), made once a connection and used again for each request. All positions
 * are offsets from `base`, which is where the scan of this request began; they hold until the next {@link begin}.
 */
export class RequestHead {
  /** Where the request line starts: after empty lines, which RFC 9112 §2.2 wants ignored. */
  methodStart = 0;
  methodEnd = 0;
  /** Any token; set when the head is whole. */
  method = '';
  targetStart = 0;
  targetEnd = 0;
  targetForm: TargetForm = ORIGIN_FORM;
  /** Path with query: to {@link targetEnd}. Empty in an absolute form without a path, and in CONNECT. */
  pathStart = 0;
  /** The effective authority: of an absolute target, else of Host (RFC 9112 §3.2.2). Empty when there is none (HTTP/1.0). */
  hostStart = 0;
  hostEnd = 0;
  /** 0 or 1, of HTTP/1.x. */
  minorVersion = 1;
  /** After the empty line that ends the head. */
  end = 0;
  framing: Framing = NO_BODY;
  /** In bytes when framed by length, else 0. */
  contentLength = 0;
  /** `false` when the number has leading zeros; the writer then writes it anew. */
  contentLengthCanonical = true;
  /** May another request follow on this connection, as far as the client is concerned? */
  keepAlive = true;
  /** The client waits for `100 Continue` before it sends content. */
  expectsContinue = false;
  /** The client offers to switch protocols, and may: HTTP/1.1, one Upgrade field with its connection option, not to h2c. */
  upgrade = false;
  refusal: Refusal | null = null;
  readonly fields: FieldBlock;
  readonly connection = new ConnectionOptions();

  private phase = EMPTY_LINES;
  private position = 0;

  constructor(private readonly limits: HeadLimits = REQUEST_HEAD_LIMITS) {
    if (limits.headBytes > 0xffff) throw new RangeError('headBytes must be at most 65535');
    this.fields = new FieldBlock(limits.headBytes >> 2);
  }

  /** Forgets the last request. */
  begin(): void {
    this.phase = EMPTY_LINES;
    this.position = 0;
    this.refusal = null;
  }

  readonly wouldRepeat = true;

  /** Nothing of a request has come yet: an idle connection, not a slow client. */
  get untouched(): boolean {
    return this.phase === EMPTY_LINES;
  }

  /**
   * Goes on in `bytes[base + …, end)`; bytes seen by an earlier call must be there again, wherever `base` is now.
   * @returns the index in `bytes` after the head, {@link NEED_MORE} or {@link REFUSED} (see `refusal`)
   */
  scan(bytes: Uint8Array, base: number, end: number): number {
    const stop = Math.min(end, base + this.limits.headBytes);
    let result = this.phase === FIELDS ? 0 : this.scanRequestLine(bytes, base, stop);
    if (result >= 0) {
      result = this.fields.scan(bytes, base, stop);
      if (result >= 0) {
        this.end = result - base;
        const refusal = this.interpret(bytes, base);
        return refusal === null ? result : this.refuse(refusal);
      }
      if (result === REFUSED) this.refusal = this.fields.refusal;
    }
    if (result === NEED_MORE && stop - base === this.limits.headBytes) {
      return this.refuse(this.phase === TARGET_PHASE ? REFUSALS.targetLength : REFUSALS.headTooLarge);
    }
    return result;
  }

  private scanRequestLine(bytes: Uint8Array, base: number, end: number): number {
    let p = base + this.position;
    if (this.phase === EMPTY_LINES) {
      while (p + 1 < end && bytes[p] === CR && bytes[p + 1] === LF) p += 2;
      if (p === end || (bytes[p] === CR && p + 1 === end)) return this.pause(p - base);
      if (bytes[p] === CR) return this.refuse(REFUSALS.bareCarriageReturn);
      if (bytes[p] === LF) return this.refuse(REFUSALS.bareLineFeed);
      this.methodStart = p - base;
      this.phase = METHOD;
    }
    if (this.phase === METHOD) {
      // PRI is kept for the preface of HTTP/2 (RFC 9113 §3.4) and no method of HTTP/1.
      while (p < end && TOKEN[bytes[p]!] !== 0) p++;
      const length = p - base - this.methodStart;
      if (length > MAX_METHOD_BYTES) return this.refuse(REFUSALS.methodLength);
      if (p === end) return this.pause(p - base);
      if (bytes[p] !== SP || length === 0 || isWord(bytes, p - length, p, 'PRI')) return this.refuse(REFUSALS.method);
      this.methodEnd = p - base;
      this.targetStart = ++p - base;
      this.phase = TARGET_PHASE;
    }
    if (this.phase === TARGET_PHASE) {
      p = endOfClass(bytes, p, end, TARGET);
      const length = p - base - this.targetStart;
      if (length > this.limits.targetBytes) return this.refuse(REFUSALS.targetLength);
      if (p === end) return this.pause(p - base);
      if (bytes[p] !== SP || length === 0) return this.refuse(REFUSALS.target);
      this.targetEnd = p++ - base;
      this.phase = VERSION;
    }
    const lineEnd = p + VERSION_BYTES;
    if (lineEnd + 2 > end) {
      const cut = bytes.subarray(p, Math.min(end, lineEnd));
      if (cut.includes(LF) || cut.includes(CR)) return this.refuse(REFUSALS.requestLine);
      return this.pause(p - base);
    }
    if (!isVersion(bytes, p)) return this.refuse(REFUSALS.requestLine);
    const minor = bytes[p + 7]! - 0x30;
    if (bytes[lineEnd] !== CR || bytes[lineEnd + 1] !== LF) return this.refuse(lineEndRefusal(bytes[lineEnd]!));
    if (bytes[p + 5] !== 0x31 || minor > 1) return this.refuse(REFUSALS.version);
    this.minorVersion = minor;
    this.phase = FIELDS;
    this.fields.begin(lineEnd + 2 - base);
    return lineEnd + 2;
  }

  /** What the whole head means; every rule that needs more than one line is here. */
  private interpret(bytes: Uint8Array, base: number): Refusal | null {
    const fields = this.fields;
    this.framing = NO_BODY;
    this.contentLength = 0;
    this.contentLengthCanonical = true;
    this.expectsContinue = false;
    this.upgrade = false;
    this.method = methodName(bytes, base + this.methodStart, base + this.methodEnd);
    const refusal = this.readConnection(bytes, base) ?? this.readTarget(bytes, base);
    if (refusal !== null || (fields.seen & NEEDS_A_LOOK) === 0) return refusal;
    return this.readFraming(bytes, base) ?? this.readUpgradeAndExpectation(bytes, base);
  }

  private readConnection(bytes: Uint8Array, base: number): Refusal | null {
    const { fields, connection } = this;
    if ((fields.seen & (1 << CONNECTION)) === 0) {
      this.keepAlive = this.minorVersion === 1;
      return null;
    }
    connection.begin();
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

  private readTarget(bytes: Uint8Array, base: number): Refusal | null {
    const fields = this.fields;
    const host = fields.indexOf(HOST);
    if ((fields.repeated & (1 << HOST)) !== 0) return REFUSALS.hostRepeated;
    this.hostStart = 0;
    this.hostEnd = 0;
    if (host >= 0) {
      this.hostStart = fields.valueStart(host);
      this.hostEnd = fields.valueEnd(host);
      if (!isAuthority(bytes, base + this.hostStart, base + this.hostEnd)) return REFUSALS.host;
    } else if (this.minorVersion === 1) return REFUSALS.hostMissing;
    if (bytes[base + this.targetStart] === SLASH && this.method !== 'CONNECT') {
      this.targetForm = ORIGIN_FORM;
      this.pathStart = this.targetStart;
      return null;
    }
    const method = { start: base + this.methodStart, end: base + this.methodEnd };
    const parts = parseUnusualTarget(bytes, method, base + this.targetStart, base + this.targetEnd);
    if (parts === null) return REFUSALS.target;
    this.targetForm = parts.form;
    this.pathStart = parts.pathStart - base;
    if (parts.authorityEnd > parts.authorityStart) {
      this.hostStart = parts.authorityStart - base;
      this.hostEnd = parts.authorityEnd - base;
    }
    return null;
  }

  private readFraming(bytes: Uint8Array, base: number): Refusal | null {
    const { seen, repeated } = this.fields;
    const hasLength = (seen & (1 << CONTENT_LENGTH)) !== 0;
    if ((seen & (1 << TRANSFER_ENCODING)) !== 0) {
      if (hasLength) return REFUSALS.lengthAndEncoding;
      if (this.minorVersion === 0 || this.targetForm === AUTHORITY_FORM) return REFUSALS.encodingNotAllowed;
      this.framing = CHUNKED;
      return transferEncodingRefusal(this.fields, { bytes, base });
    }
    if (!hasLength) return null;
    if ((repeated & (1 << CONTENT_LENGTH)) !== 0) return REFUSALS.contentLengthRepeated;
    const parsed = contentLengthOf(this.fields, { bytes, base });
    if (parsed === null) return REFUSALS.contentLength;
    this.contentLength = parsed.length;
    this.contentLengthCanonical = parsed.canonical;
    // CONNECT has no content (RFC 9110 §9.3.6).
    this.framing = parsed.length === 0 || this.targetForm === AUTHORITY_FORM ? NO_BODY : BY_LENGTH;
    return null;
  }

  private readUpgradeAndExpectation(bytes: Uint8Array, base: number): Refusal | null {
    const fields = this.fields;
    const upgrade = fields.indexOf(UPGRADE);
    if (upgrade >= 0 && (fields.seen & (1 << CONNECTION)) !== 0 && (fields.repeated & (1 << UPGRADE)) === 0) {
      this.upgrade =
        this.connection.upgrade &&
        this.minorVersion === 1 &&
        offersNothingOfHttp2(bytes, base + fields.valueStart(upgrade), base + fields.valueEnd(upgrade));
    }
    // An expectation in HTTP/1.0 is ignored (RFC 9110 §10.1.1).
    if (this.minorVersion === 0 || (fields.seen & (1 << EXPECT)) === 0) return null;
    const expect = fields.indexOf(EXPECT);
    const known = spanIs(bytes, base + fields.valueStart(expect), base + fields.valueEnd(expect), '100-continue');
    if (!known || (fields.repeated & (1 << EXPECT)) !== 0) return REFUSALS.expectation;
    this.expectsContinue = this.framing !== NO_BODY;
    return null;
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

/** `HTTP/` digit `.` digit */
function isVersion(bytes: Uint8Array, p: number): boolean {
  return (
    bytes[p] === 0x48 &&
    bytes[p + 1] === 0x54 &&
    bytes[p + 2] === 0x54 &&
    bytes[p + 3] === 0x50 &&
    bytes[p + 4] === SLASH &&
    bytes[p + 6] === 0x2e &&
    isDigit(bytes[p + 5]!) &&
    isDigit(bytes[p + 7]!)
  );
}

function lineEndRefusal(byte: number): Refusal {
  if (byte === LF) return REFUSALS.bareLineFeed;
  return byte === CR ? REFUSALS.bareCarriageReturn : REFUSALS.requestLine;
}

/** Cleartext HTTP/2 by upgrade would be a tunnel past every rule of the proxy, so that it is not offered on. */
function offersNothingOfHttp2(bytes: Uint8Array, start: number, end: number): boolean {
  let member = start;
  for (let p = start; p <= end; p++) {
    if (p < end && bytes[p] !== COMMA) continue;
    while (member < p && (bytes[member] === SP || bytes[member] === 0x09)) member++;
    if (p - member >= 2 && spanIs(bytes, member, member + 2, 'h2')) return false;
    member = p + 1;
  }
  return end > start;
}

const METHODS = ['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'PATCH', 'OPTIONS', 'CONNECT', 'TRACE'];

function methodName(bytes: Uint8Array, start: number, end: number): string {
  for (const method of METHODS) if (isWord(bytes, start, end, method)) return method;
  return String.fromCharCode(...bytes.subarray(start, end));
}
