const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
const HOST = new RegExp(`^(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*$`);
const PATH_PREFIX = /^(?:\/[A-Za-z0-9._~!$&'()*+,;=:@-]+)+$/;

export const MAX_HOST_LENGTH = 253;
const MAX_PREFIX_LENGTH = 256;
/** Bounds the work of finding the longest prefix. */
export const MAX_PREFIX_SEGMENTS = 8;

/** `shop.example.com`, or `*.example.com` for every name below it. Lower case, without port; international names in their ASCII form. */
export function isHostPattern(text: string): boolean {
  return text.length <= MAX_HOST_LENGTH && HOST.test(text);
}

/** `/`, or up to 8 segments without a slash at the end. Nothing percent-encoded, so that there is one way to write it. */
export function isPathPrefix(text: string): boolean {
  if (text === '/') return true;
  if (text.length > MAX_PREFIX_LENGTH || !PATH_PREFIX.test(text)) return false;
  const segments = text.split('/').slice(1);
  return segments.length <= MAX_PREFIX_SEGMENTS && segments.every((segment) => segment !== '.' && segment !== '..');
}
