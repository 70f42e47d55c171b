/**
 * Header work as pure functions over flat lists `[name, value, name, value, …]` as they came on the wire: order, case and duplicates
 * survive. Shared by every forwarder.
 */
export type HeaderList = readonly string[];

/** The list of field lines that end with CRLF and have no space but the one behind the colon. */
export function listOfLines(lines: string): string[] {
  const list: string[] = [];
  for (let start = 0; start < lines.length; ) {
    const colon = lines.indexOf(': ', start);
    const end = lines.indexOf('\r\n', colon);
    list.push(lines.slice(start, colon), lines.slice(colon + 2, end));
    start = end + 2;
  }
  return list;
}

/** Bytes of the head that begins with `startLine` and holds these, with one space behind each colon. */
export function headBytesOf(startLine: string, list: HeaderList): number {
  let bytes = startLine.length + 4;
  for (let i = 0; i < list.length; i += 2) bytes += (list[i]?.length ?? 0) + (list[i + 1]?.length ?? 0) + 4;
  return bytes;
}

/** RFC 9110 §7.6.1, and the old `proxy-connection`. They speak of one connection and go no further. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** A `Connection` header that names these would change the message's framing or its target: it is not obeyed. */
const NEVER_BY_CONNECTION: ReadonlySet<string> = new Set(['content-length', 'host']);

/** Fields that steer framing, routing or authentication; RFC 9110 §6.5.1 forbids them in trailers. */
const NEVER_IN_TRAILERS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'authorization',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'host',
  'set-cookie',
  'trailer',
]);

/** All values of one header, in order. `name` in lower case. */
export function headerValues(list: HeaderList, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < list.length; i += 2) if (isName(list[i], name)) values.push(list[i + 1] ?? '');
  return values;
}

/** The first value of one header. `name` in lower case. */
export function headerValue(list: HeaderList, name: string): string | undefined {
  for (let i = 0; i < list.length; i += 2) if (isName(list[i], name)) return list[i + 1];
  return undefined;
}

/** True when the comma-separated tokens of the header hold `token` (both in lower case). */
export function hasToken(list: HeaderList, name: string, token: string): boolean {
  return tokens(list, name).includes(token);
}

/** The list without hop-by-hop fields, those named by `Connection` included, and without the names of `replacements`, which come last. */
export function forwardHeaders(list: HeaderList, replacements: HeaderList): string[] {
  const dropped = new Set(HOP_BY_HOP);
  for (const token of tokens(list, 'connection')) if (!NEVER_BY_CONNECTION.has(token)) dropped.add(token);
  for (let i = 0; i < replacements.length; i += 2) dropped.add((replacements[i] ?? '').toLowerCase());
  if (dropped.has('traceparent')) dropped.add('tracestate'); // belongs to the one it came with
  dropped.delete('set-cookie'); // one more, not another
  const kept: string[] = [];
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] ?? '';
    if (!dropped.has(name.toLowerCase())) kept.push(name, list[i + 1] ?? '');
  }
  kept.push(...replacements);
  return kept;
}

/** The trailer fields that may be passed on, as pairs. */
export function forwardTrailers(list: HeaderList): [string, string][] {
  const kept: [string, string][] = [];
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] ?? '';
    if (!NEVER_IN_TRAILERS.has(name.toLowerCase())) kept.push([name, list[i + 1] ?? '']);
  }
  return kept;
}

export function withoutHeader(list: HeaderList, name: string): string[] {
  const kept: string[] = [];
  for (let i = 0; i < list.length; i += 2) if (!isName(list[i], name)) kept.push(list[i] ?? '', list[i + 1] ?? '');
  return kept;
}

/**
 * How the body of a request is delimited. `unsupported` is a transfer coding other than plain `chunked`: its body could not be passed
 * on under the same meaning.
 */
export type Framing = { kind: 'none' } | { kind: 'length'; bytes: number } | { kind: 'chunked' } | { kind: 'unsupported' };

export function requestFraming(list: HeaderList): Framing {
  const codings = tokens(list, 'transfer-encoding');
  if (codings.length > 0) return codings.length === 1 && codings[0] === 'chunked' ? { kind: 'chunked' } : { kind: 'unsupported' };
  const length = headerValue(list, 'content-length');
  if (length === undefined) return { kind: 'none' };
  // The parser in front has refused unequal and signed lengths.
  return { kind: 'length', bytes: Number(length) };
}

function tokens(list: HeaderList, name: string): string[] {
  const found: string[] = [];
  for (const value of headerValues(list, name)) {
    for (const token of value.split(',')) {
      const text = token.trim().toLowerCase();
      if (text !== '') found.push(text);
    }
  }
  return found;
}

function isName(text: string | undefined, lowerCaseName: string): boolean {
  return text !== undefined && text.length === lowerCaseName.length && text.toLowerCase() === lowerCaseName;
}
