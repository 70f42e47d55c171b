import { COLON, HEX, HOST_NAME, isDigit } from './bytes.js';

const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const DOT = 0x2e;
const MAX_HOST_BYTES = 255;

/**
 * Is `bytes[start, end)` a host with an optional port (RFC 9112 §3.2, RFC 3986 §3.2.2)? Narrower than the grammar: not
 * empty (RFC 9110 §4.2.1: an http URI needs a host), a port of 0 to 65535, an IPv6 address in brackets without zone, and in names
 * neither `%` nor sub-delims: no DNS name has them, and a comma or `@` is where two readers part.
 */
export function isAuthority(bytes: Uint8Array, start: number, end: number): boolean {
  const hostEnd = bytes[start] === OPENING_BRACKET ? endOfAddress(bytes, start, end) : endOfName(bytes, start, end);
  if (hostEnd === start || hostEnd - start > MAX_HOST_BYTES) return false;
  return hostEnd === end || (bytes[hostEnd] === COLON && isPort(bytes, hostEnd + 1, end));
}

function endOfName(bytes: Uint8Array, start: number, end: number): number {
  let p = start;
  while (p < end && HOST_NAME[bytes[p]!] === 1) p++;
  return p;
}

/** Only the shape: hexadecimal digits, colons (two at least) and dots; whether the groups make an address is for who connects to it. */
function endOfAddress(bytes: Uint8Array, start: number, end: number): number {
  let colons = 0;
  let p = start + 1;
  while (p < end && (bytes[p] === COLON || bytes[p] === DOT || HEX[bytes[p]!] !== 255)) {
    if (bytes[p] === COLON) colons++;
    p++;
  }
  return p < end && bytes[p] === CLOSING_BRACKET && colons >= 2 ? p + 1 : start;
}

function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  // "host:" without digits is allowed by the grammar (RFC 3986 §3.2.3).
  if (end - start > 5) return false;
  let port = 0;
  for (let p = start; p < end; p++) {
    if (!isDigit(bytes[p]!)) return false;
    port = port * 10 + bytes[p]! - 0x30;
  }
  return port <= 65535;
}
