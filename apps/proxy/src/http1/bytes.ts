/** Octets and octet classes of RFC 9110 §5.6 and RFC 9112 §3, as tables that the scanners index with a byte. */

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const DQUOTE = 0x22;
export const COMMA = 0x2c;
export const SLASH = 0x2f;
export const ZERO = 0x30;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const EQUALS = 0x3d;
export const BACKSLASH = 0x5c;

/** tchar (RFC 9110 §5.6.2). */
export const TOKEN = table((byte) => (isAlphanumeric(byte) || "!#$%&'*+-.^_`|~".includes(String.fromCharCode(byte)) ? 1 : 0));

/** Octets of a field value or a reason phrase (RFC 9110 §5.5): HTAB, SP, VCHAR, obs-text. */
export const FIELD_VALUE = table((byte) => (byte === HTAB || (byte >= SP && byte !== 0x7f) ? 1 : 0));

/**
 * Octets of a request target: printable ASCII without SP and `#`. More than RFC 3986 allows (`"<>[]\^`{|}`): browsers and
 * curl send these unescaped, nginx and Node pass them, and no reader takes them for the end of the target.
 */
export const TARGET = table((byte) => (byte > SP && byte < 0x7f && byte !== 0x23 ? 1 : 0));

/** Octets of a registered name that can exist: unreserved of RFC 3986 without `%` and sub-delims (see host.ts). */
export const HOST_NAME = table((byte) => (isAlphanumeric(byte) || '-._~'.includes(String.fromCharCode(byte)) ? 1 : 0));

/** Value of a hexadecimal digit, 255 for any other octet. */
export const HEX = table((byte) => {
  const value = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(value) ? 255 : value;
});

/** qdtext of a quoted string (RFC 9110 §5.6.4): field value octets without `"` and `\`. */
export const QUOTED = table((byte) => (FIELD_VALUE[byte] === 1 && byte !== DQUOTE && byte !== BACKSLASH ? 1 : 0));

/**
 * The first index from `start` on that is not of a class (one of the tables here), or `end`. Eight at a time: for what is mostly longer than
 * that (values, targets) about twice as fast as a plain loop, for names slower.
 */
export function endOfClass(bytes: Uint8Array, start: number, end: number, oneIf: Uint8Array): number {
  let p = start;
  for (const last = end - 8; p <= last; p += 8) {
    const all =
      oneIf[bytes[p]!]! &
      oneIf[bytes[p + 1]!]! &
      oneIf[bytes[p + 2]!]! &
      oneIf[bytes[p + 3]!]! &
      oneIf[bytes[p + 4]!]! &
      oneIf[bytes[p + 5]!]! &
      oneIf[bytes[p + 6]!]! &
      oneIf[bytes[p + 7]!]!;
    if (all === 0) break;
  }
  while (p < end && oneIf[bytes[p]!] !== 0) p++;
  return p;
}

export function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}

/** Case-insensitive comparison of an ASCII span with a lower-case word of letters, digits and `-`. */
export function spanIs(bytes: Uint8Array, start: number, end: number, word: string): boolean {
  if (end - start !== word.length) return false;
  for (let i = 0; i < word.length; i++) {
    if ((bytes[start + i]! | 0x20) !== word.charCodeAt(i)) return false;
  }
  return true;
}

function table(classify: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => classify(byte));
}

function isAlphanumeric(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}
