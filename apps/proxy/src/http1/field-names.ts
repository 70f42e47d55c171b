/**
 * The fields that the proxy looks at, as small integers; everything else is {@link OTHER}. At most 32, so that a set of
 * them fits into one integer (bit `1 << kind`).
 */
export const OTHER = 0;
export const HOST = 1;
export const CONNECTION = 2;
export const CONTENT_LENGTH = 3;
export const TRANSFER_ENCODING = 4;
export const EXPECT = 5;
export const UPGRADE = 6;
export const APP_VERSION = 7;
export const ARTIFACT_VERSION = 8;
export const REQUEST_ID = 9;
export const TRACEPARENT = 10;
export const FORWARDED_FOR = 11;
export const FORWARDED_PROTO = 12;
export const FORWARDED_HOST = 13;
export const FORWARDED_PREFIX = 14;
export const COOKIE = 15;
export const TRAILER = 16;
export const ROUTE_REASON = 17;
const ACCEPT = 18;
/** Hop-by-hop by definition: TE, Keep-Alive, Proxy-*; `Proxy`, which CGI turns into HTTP_PROXY; HTTP2-Settings. Never forwarded. */
export const HOP_BY_HOP = 19;
/** Named by the Connection field of this message. Never forwarded. */
export const NOMINATED = 20;
/** A known name written with `_` for `-`, which CGI-like back ends would take for the real one. Never forwarded. */
export const DISGUISED = 21;
/** End-to-end fields without a part in routing that are not allowed in a trailer section (authentication, content, caching, modifiers). */
export const HEAD_ONLY = 22;
export const TRACESTATE = 23;
/** RFC 8586: who has forwarded the request. */
export const CDN_LOOP = 24;

export type FieldKind = number;

const NAMES: readonly (readonly [string, FieldKind])[] = [
  ['host', HOST],
  ['connection', CONNECTION],
  ['content-length', CONTENT_LENGTH],
  ['transfer-encoding', TRANSFER_ENCODING],
  ['expect', EXPECT],
  ['upgrade', UPGRADE],
  ['x-app-version', APP_VERSION],
  ['x-artifact-version', ARTIFACT_VERSION],
  ['x-request-id', REQUEST_ID],
  ['traceparent', TRACEPARENT],
  ['tracestate', TRACESTATE],
  ['cdn-loop', CDN_LOOP],
  ['x-forwarded-for', FORWARDED_FOR],
  ['x-forwarded-proto', FORWARDED_PROTO],
  ['x-forwarded-host', FORWARDED_HOST],
  ['x-forwarded-prefix', FORWARDED_PREFIX],
  ['cookie', COOKIE],
  ['trailer', TRAILER],
  ['x-route-reason', ROUTE_REASON],
  ['accept', ACCEPT],
  ['te', HOP_BY_HOP],
  ['keep-alive', HOP_BY_HOP],
  ['proxy', HOP_BY_HOP],
  ['proxy-connection', HOP_BY_HOP],
  ['proxy-authenticate', HOP_BY_HOP],
  ['proxy-authorization', HOP_BY_HOP],
  ['proxy-authentication-info', HOP_BY_HOP],
  ['http2-settings', HOP_BY_HOP],
  ['authorization', HEAD_ONLY],
  ['www-authenticate', HEAD_ONLY],
  ['set-cookie', HEAD_ONLY],
  ['content-type', HEAD_ONLY],
  ['content-encoding', HEAD_ONLY],
  ['content-range', HEAD_ONLY],
  ['location', HEAD_ONLY],
  ['cache-control', HEAD_ONLY],
  ['forwarded', HEAD_ONLY],
  ['max-forwards', HEAD_ONLY],
  ['range', HEAD_ONLY],
  ['x-forwarded-port', HEAD_ONLY],
  ['x-real-ip', HEAD_ONLY],
];

const SLOTS = 256;
const MAX_NAME_BYTES = 32;

/** Found by trying factors until no two names met. */
function slotOf(length: number, first: number, lastButOne: number): number {
  return (length + first + lastButOne * 14) & (SLOTS - 1);
}

/** By slot: kind and length of the only name that can be there (length 0: none), and its letters in the 32 bytes at `slot * 32`. */
const kinds = new Uint8Array(SLOTS);
const lengths = new Uint8Array(SLOTS);
const letters = new Uint8Array(SLOTS * MAX_NAME_BYTES);
for (const [name, kind] of NAMES) {
  const slot = slotOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 2));
  if (lengths[slot] !== 0 || name.length > MAX_NAME_BYTES) throw new Error(`no slot for the field name ${name}: change the factors`);
  kinds[slot] = kind;
  lengths[slot] = name.length;
  for (let i = 0; i < name.length; i++) letters[slot * MAX_NAME_BYTES + i] = name.charCodeAt(i);
}

const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;

/** The kind of the field name in `bytes[start, end)`, a token of at least one byte. */
export function fieldKind(bytes: Uint8Array, start: number, end: number): FieldKind {
  const length = end - start;
  if (length < 2) return OTHER;
  const slot = slotOf(length, bytes[start]! | 0x20, bytes[end - 2]! | 0x20);
  if (lengths[slot] !== length) return OTHER;
  const name = slot * MAX_NAME_BYTES;
  let disguised = false;
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i]!;
    const wanted = letters[name + i]!;
    if ((byte | 0x20) === wanted) continue;
    if (wanted !== HYPHEN || byte !== UNDERSCORE) return OTHER;
    disguised = true;
  }
  return disguised ? DISGUISED : kinds[slot]!;
}
