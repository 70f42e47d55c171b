import { COMMA, HTAB, isDigit, SP, spanIs, TOKEN, ZERO } from './bytes.js';
import type { FieldBlock } from './field-block.js';
import {
  APP_VERSION,
  ARTIFACT_VERSION,
  CONTENT_LENGTH,
  COOKIE,
  type FieldKind,
  fieldKind,
  HEAD_ONLY,
  NOMINATED,
  OTHER,
  TRANSFER_ENCODING,
} from './field-names.js';
import { MAX_CONNECTION_NAMES } from './limits.js';
import { REFUSALS, type Refusal } from './scan-error.js';

/** How the content after a head is delimited (RFC 9112 §6.3). */
export const NO_BODY = 0;
export const BY_LENGTH = 1;
export const CHUNKED = 2;
/** Only in responses. */
export const UNTIL_CLOSE = 3;
export type Framing = typeof NO_BODY | typeof BY_LENGTH | typeof CHUNKED | typeof UNTIL_CLOSE;

/** The bytes in which a {@link FieldBlock}'s offsets count. */
interface Located {
  readonly bytes: Uint8Array;
  readonly base: number;
}

/** Value of Content-Length: 1 to 16 digits up to 2^53 − 1, else -1 (signs, lists, blanks, nothing). */
function parseContentLength(bytes: Uint8Array, start: number, end: number): number {
  if (start === end || end - start > 16) return -1;
  let length = 0;
  for (let p = start; p < end; p++) {
    if (!isDigit(bytes[p]!)) return -1;
    length = length * 10 + bytes[p]! - ZERO;
  }
  return Number.isSafeInteger(length) ? length : -1;
}

/** The one field of this kind as Content-Length; a leading zero makes it not canonical: a reader might take it for octal. */
export function contentLengthOf(fields: FieldBlock, at: Located): { length: number; canonical: boolean } | null {
  const field = fields.indexOf(CONTENT_LENGTH);
  const start = at.base + fields.valueStart(field);
  const end = at.base + fields.valueEnd(field);
  const length = parseContentLength(at.bytes, start, end);
  return length < 0 || tabFollows(at.bytes, end) ? null : { length, canonical: end - start === 1 || at.bytes[start] !== ZERO };
}

/**
 * `null` when Transfer-Encoding is exactly `chunked`, the one coding the proxy can take off and put on. Else 501 when chunked is the
 * last coding, after unknown ones (RFC 9112 §6.1), and 400 for what leaves the length open: not last, twice, parameters, blank (§6.3).
 */
export function transferEncodingRefusal(fields: FieldBlock, at: Located): Refusal | null {
  let codings = 0;
  let chunked = 0;
  let lastIsChunked = false;
  for (let field = 0; field < fields.count; field++) {
    if (fields.kinds[field] !== TRANSFER_ENCODING) continue;
    const end = at.base + fields.valueEnd(field);
    let p = at.base + fields.valueStart(field);
    if (tabFollows(at.bytes, end)) return REFUSALS.encodingFraming;
    for (;;) {
      const memberEnd = endOfMember(at.bytes, p, end);
      lastIsChunked = spanIs(at.bytes, p, trimEnd(at.bytes, p, memberEnd), 'chunked');
      if (lastIsChunked) chunked++;
      codings++;
      if (memberEnd === end) break;
      p = skipBlanks(at.bytes, memberEnd + 1, end);
    }
  }
  if (chunked !== 1 || !lastIsChunked) return REFUSALS.encodingFraming;
  return codings === 1 ? null : REFUSALS.encodingUnknown;
}

/** The options of all Connection fields (RFC 9110 §7.6.1). */
export class ConnectionOptions {
  close = false;
  keepAlive = false;
  upgrade = false;
  /** Are there other names, which are fields to remove? */
  get namesFields(): boolean {
    return this.nameCount > 0;
  }

  /** Start and end of these names. */
  private readonly names = new Uint16Array(MAX_CONNECTION_NAMES * 2);
  private nameCount = 0;

  begin(): void {
    this.close = false;
    this.keepAlive = false;
    this.upgrade = false;
    this.nameCount = 0;
  }

  /** Adds one Connection field; white space around the commas and empty members are allowed. */
  add(bytes: Uint8Array, base: number, start: number, end: number): Refusal | null {
    let p = start;
    while (p < end) {
      const memberEnd = endOfMember(bytes, p, end);
      const nameEnd = trimEnd(bytes, p, memberEnd);
      if (nameEnd > p) {
        const refusal = this.addOption(bytes, base, p, nameEnd);
        if (refusal !== null) return refusal;
      }
      p = skipBlanks(bytes, memberEnd + 1, end);
    }
    return null;
  }

  /**
   * Does the connection stay open after a message of HTTP/1.minor (RFC 9112 §9.3)? Close beats keep-alive in HTTP/1.1; in HTTP/1.0 readers do not
   * agree on a message that says both, so that it is refused (`null`).
   */
  staysOpen(minor: number): boolean | null {
    if (minor === 0 && this.close && this.keepAlive) return null;
    return !this.close && (minor === 1 || this.keepAlive);
  }

  /** Marks the fields that the options name as {@link NOMINATED}. Not those without which the message would be another one: they are not obeyed. */
  nominate(fields: FieldBlock, at: Located): void {
    for (let i = 0; i < this.nameCount; i++) {
      const start = at.base + this.names[i * 2]!;
      const end = at.base + this.names[i * 2 + 1]!;
      const kind = fieldKind(at.bytes, start, end);
      if (!mayBeNominated(kind)) continue;
      for (let field = 0; field < fields.count; field++) {
        if (fields.kinds[field] !== kind || !sameName(at, fields, field, start, end)) continue;
        fields.kinds[field] = NOMINATED;
        fields.seen |= 1 << NOMINATED;
      }
    }
  }

  private addOption(bytes: Uint8Array, base: number, start: number, end: number): Refusal | null {
    if (spanIs(bytes, start, end, 'keep-alive')) this.keepAlive = true;
    else if (spanIs(bytes, start, end, 'close')) this.close = true;
    else if (spanIs(bytes, start, end, 'upgrade')) this.upgrade = true;
    else {
      for (let p = start; p < end; p++) if (TOKEN[bytes[p]!] === 0) return REFUSALS.connection;
      if (this.nameCount === MAX_CONNECTION_NAMES) return REFUSALS.connection;
      this.names[this.nameCount * 2] = start - base;
      this.names[this.nameCount * 2 + 1] = end - base;
      this.nameCount++;
    }
    return null;
  }
}

/** Of the known names only those of the peer's own; what the proxy itself reads and writes does not leave by the peer's wish. */
function mayBeNominated(kind: FieldKind): boolean {
  return kind === OTHER || kind === COOKIE || kind === HEAD_ONLY || kind === APP_VERSION || kind === ARTIFACT_VERSION;
}

function sameName(at: Located, fields: FieldBlock, field: number, start: number, end: number): boolean {
  const other = at.base + fields.nameStart(field);
  if (fields.nameEnd(field) - fields.nameStart(field) !== end - start) return false;
  for (let i = 0; i < end - start; i++) if (lowerCase(at.bytes[other + i]!) !== lowerCase(at.bytes[start + i]!)) return false;
  return true;
}

function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

/**
 * Is there a tab between a value and its CRLF? Allowed white space, but some readers (llhttp in responses) do not know `chunked` with a tab
 * after it and then frame the message in another way, so that fields that frame must not have one.
 */
function tabFollows(bytes: Uint8Array, valueEnd: number): boolean {
  let p = valueEnd;
  while (bytes[p] === SP) p++;
  return bytes[p] === HTAB;
}

function endOfMember(bytes: Uint8Array, start: number, end: number): number {
  let p = start;
  while (p < end && bytes[p] !== COMMA) p++;
  return p;
}

function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
  let p = start;
  while (p < end && (bytes[p] === SP || bytes[p] === HTAB)) p++;
  return p;
}

function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  let p = end;
  while (p > start && (bytes[p - 1] === SP || bytes[p - 1] === HTAB)) p--;
  return p;
}
