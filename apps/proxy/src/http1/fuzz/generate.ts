import type { Random } from './random.js';

/** A stream of one to three requests, mostly valid: what a mutation makes of it is more telling than noise. */
export function generateRequests(random: Random): string {
  let stream = '';
  for (let left = 1 + random.below(3); left > 0; left--) stream += generateRequest(random);
  return stream;
}

function generateRequest(random: Random): string {
  const method = random.pick(['GET', 'GET', 'POST', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'PURGE']);
  const target = random.pick(TARGETS);
  const version = random.chance(0.9) ? '1.1' : '1.0';
  const fields = ['Host: shop.example', ...someFields(random)];
  const body = random.chance(0.6) ? framed(random, fields) : '';
  return `${method} ${target} HTTP/${version}\r\n${shuffled(random, fields).join('\r\n')}\r\n\r\n${body}`;
}

/** Interim responses and a final one, with what comes after it. */
export function generateResponses(random: Random): string {
  let stream = '';
  while (random.chance(0.15))
    stream += `HTTP/1.1 ${random.pick(['100 Continue', '102 Processing', '103 Early Hints', '199 Odd'])}\r\n${random.chance(0.5) ? 'Link: </a>\r\n' : ''}\r\n`;
  const status = random.pick(STATUSES);
  const fields = someFields(random);
  if (status.startsWith('101')) fields.push('Upgrade: websocket', 'Connection: Upgrade');
  const body = random.chance(0.8) ? framed(random, fields) : text(random);
  const version = random.chance(0.9) ? '1.1' : '1.0';
  return `${stream}HTTP/${version} ${status}\r\n${shuffled(random, fields)
    .map((field) => `${field}\r\n`)
    .join('')}\r\n${body}`;
}

function someFields(random: Random): string[] {
  const fields: string[] = [];
  while (random.chance(0.6)) fields.push(random.pick(FIELDS));
  return fields;
}

function framed(random: Random, fields: string[]): string {
  if (random.chance(0.5)) {
    const body = text(random);
    fields.push(`Content-Length: ${body.length}`);
    return body;
  }
  fields.push(random.pick(['Transfer-Encoding: chunked', 'transfer-encoding: Chunked', 'Transfer-Encoding:chunked ']));
  let body = '';
  while (random.chance(0.6)) {
    const data = text(random) || 'x';
    const size = random.pick([data.length.toString(16), data.length.toString(16).toUpperCase(), `0${data.length.toString(16)}`]);
    body += `${size}${extension(random)}\r\n${data}\r\n`;
  }
  const trailers = random.chance(0.2)
    ? random.pick(['X-Sum: 1\r\n', 'X-Sum: 1\r\nX-Two:\r\n', 'Content-Length: 5\r\n', 'ETag: "a"\r\n'])
    : '';
  return `${body}${random.pick(['0', '00', '0'])}${extension(random)}\r\n${trailers}\r\n`;
}

function extension(random: Random): string {
  return random.chance(0.15) ? random.pick([';a', ';a=b', ';a="b;c"', ';a;b="\\""', ';a=', ';', ' ;a', '; a=b']) : '';
}

/** Content, which likes to look like the next message. */
function text(random: Random): string {
  if (random.chance(0.15))
    return random.pick(['GET /inner HTTP/1.1\r\nHost: a\r\n\r\n', '0\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n', '\r\n\r\n', '5\r\nhello\r\n']);
  return 'abcdefghijklmnopqrstuvwxyz0123456789'.slice(0, random.below(30));
}

function shuffled(random: Random, fields: readonly string[]): string[] {
  const list = [...fields];
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}

const TARGETS = [
  '/',
  '/a/b?c=d',
  '/%2e%2e/x',
  '/a;b=c',
  '/|{}"<>^`\\[]',
  'http://shop.example/x',
  'http://shop.example',
  'http://[::1]:80/?q',
  '*',
  '/?a?b',
  '//x',
];
const STATUSES = [
  '200 OK',
  '200 OK',
  '200 OK',
  '200',
  '200 ',
  '204 No Content',
  '304 Not Modified',
  '404 Not Found',
  '101 Switching Protocols',
  '500 Oops',
  '205 Reset Content',
  '600 x',
];

/** The dictionary: ordinary fields, and those of which smuggling is made. Also used by mutations. */
export const FIELDS = [
  'Accept: */*',
  'User-Agent: fuzz/1.0 (x; y)',
  'X-Empty:',
  'X-Blank: \t ',
  'X-High: \xe4\xff',
  'Cookie: a=b; c=d',
  'Connection: keep-alive',
  'Connection: close',
  'Connection: foo, Keep-Alive',
  'Connection: close, te',
  'Connection: x-empty',
  'Connection: upgrade',
  'Connection: ,close',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Keep-Alive: timeout=5',
  'TE: trailers',
  'Trailer: X-Sum',
  'Expect: 100-continue',
  'Content-Length: 5',
  'Content-Length: 05',
  'Content-Length: 0',
  'Content-Length: +5',
  'Content-Length: 5,5',
  'Content-Length: 5 ',
  'Content-Length: 0x5',
  'Content-Length : 5',
  'Content-Length:',
  'Content-Length: 99999999999999999999',
  'Content_Length: 5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: chunked;q=1',
  'Transfer-Encoding: x, chunked ',
  'Transfer-Encoding:\tchunked\t',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding: "chunked"',
  'Transfer_Encoding: chunked',
  'Host: other.example',
  'Host:',
];
