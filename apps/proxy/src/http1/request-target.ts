import { isAuthority } from './authority.js';
import { COLON, isDigit, SLASH, spanIs } from './bytes.js';

/** Forms of a request target (RFC 9112 §3.2). */
export const ORIGIN_FORM = 1;
export const ABSOLUTE_FORM = 2;
export const AUTHORITY_FORM = 3;
export const ASTERISK_FORM = 4;
export type TargetForm = typeof ORIGIN_FORM | typeof ABSOLUTE_FORM | typeof AUTHORITY_FORM | typeof ASTERISK_FORM;

const ASTERISK = 0x2a;
const QUESTION_MARK = 0x3f;

/** Where the parts of a target are, as indexes into the bytes. Path and query are one span, which is empty when the URI has neither. */
export interface TargetParts {
  form: TargetForm;
  authorityStart: number;
  authorityEnd: number;
  pathStart: number;
}

/** The parts of the absolute, authority or asterisk form in `bytes[start, end)`, or `null`: not valid for this method. */
export function parseUnusualTarget(
  bytes: Uint8Array,
  method: { start: number; end: number },
  start: number,
  end: number,
): TargetParts | null {
  if (isWord(bytes, method.start, method.end, 'CONNECT')) {
    const hasPort = isDigit(bytes[end - 1]!) && bytes.subarray(start, end).includes(COLON);
    if (!hasPort || !isAuthority(bytes, start, end)) return null;
    return { form: AUTHORITY_FORM, authorityStart: start, authorityEnd: end, pathStart: end };
  }
  if (bytes[start] === ASTERISK) {
    if (end - start !== 1 || !isWord(bytes, method.start, method.end, 'OPTIONS')) return null;
    return { form: ASTERISK_FORM, authorityStart: start, authorityEnd: start, pathStart: start };
  }
  const authorityStart = endOfScheme(bytes, start, end);
  if (authorityStart < 0) return null;
  let authorityEnd = authorityStart;
  while (authorityEnd < end && bytes[authorityEnd] !== SLASH && bytes[authorityEnd] !== QUESTION_MARK) authorityEnd++;
  // User information (`user@`) fails here too, as RFC 9110 §4.2.4 wants it.
  if (!isAuthority(bytes, authorityStart, authorityEnd)) return null;
  return { form: ABSOLUTE_FORM, authorityStart, authorityEnd, pathStart: authorityEnd };
}

function endOfScheme(bytes: Uint8Array, start: number, end: number): number {
  for (const scheme of ['http', 'https']) {
    const colon = start + scheme.length;
    if (colon + 3 > end || !spanIs(bytes, start, colon, scheme)) continue;
    if (bytes[colon] === COLON && bytes[colon + 1] === SLASH && bytes[colon + 2] === SLASH) return colon + 3;
  }
  return -1;
}

/** Case-sensitive, as methods are (RFC 9110 §9.1). */
export function isWord(bytes: Uint8Array, start: number, end: number, word: string): boolean {
  if (end - start !== word.length) return false;
  for (let i = 0; i < word.length; i++) if (bytes[start + i] !== word.charCodeAt(i)) return false;
  return true;
}
