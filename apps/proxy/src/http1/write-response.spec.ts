import { HeadInput } from './head-input.js';
import { ResponseHead } from './response-head.js';
import { RESPONSE_FIELDS_OF_PROXY, type ResponseRewrite, writeResponseHead } from './write-response.js';

function scanned(text: string): { head: ResponseHead; text: string } {
  const head = new ResponseHead();
  const input = new HeadInput(32_768);
  head.begin(false);
  const bytes = Buffer.from(text, 'latin1');
  if (input.read(head, bytes, 0, bytes.length) < 0) throw new Error(head.refusal?.reason ?? 'not whole');
  return { head, text: input.text(head) };
}

function rewritten(text: string, changes: Partial<ResponseRewrite> = {}): string {
  const message = scanned(text);
  const rewrite = { dropped: RESPONSE_FIELDS_OF_PROXY, connection: 'unsaid', chunked: false, ...changes } as const;
  return writeResponseHead(message.head, message.text, rewrite, 'X-App-Version: 2\r\n');
}

const lines = (...each: string[]): string => `${each.join('\r\n')}\r\n\r\n`;

const CASES: { rule: string; from: string; to: string; changes?: Partial<ResponseRewrite> }[] = [
  {
    rule: 'passes what is end-to-end, replaces what the proxy says',
    from: lines(
      'HTTP/1.1 404 Pas trouv\xe9',
      'Set-Cookie: a',
      'Content-Length: 2',
      'X-App-Version: 9',
      'x-route-reason: x',
      'Set-Cookie: b',
    ),
    to: lines('HTTP/1.1 404 Pas trouv\xe9', 'Set-Cookie: a', 'Content-Length: 2', 'Set-Cookie: b', 'X-App-Version: 2'),
  },
  {
    rule: 'RFC 9112 §4: the space after the status is there, also without a reason',
    from: lines('HTTP/1.1 200', 'Content-Length: 0'),
    to: lines('HTTP/1.1 200 ', 'Content-Length: 0', 'X-App-Version: 2'),
  },
  {
    rule: 'RFC 9110 §7.6.1: hop-by-hop fields go no further',
    from: lines('HTTP/1.1 200 OK', 'Connection: close, x-own', 'Keep-Alive: 5', 'X-Own: 1', 'Content-Length: 2', 'Upgrade: h2c'),
    to: lines('HTTP/1.1 200 OK', 'Content-Length: 2', 'X-App-Version: 2'),
  },
  {
    rule: 'chunks stay chunks, with their trailer section announced',
    from: lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Trailer: X-Sum'),
    to: lines('HTTP/1.1 200 OK', 'Trailer: X-Sum', 'Transfer-Encoding: chunked', 'X-App-Version: 2'),
    changes: { chunked: true },
  },
  {
    rule: 'chunks become content until the end for an HTTP/1.0 client',
    from: lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Trailer: X-Sum'),
    to: lines('HTTP/1.1 200 OK', 'Connection: close', 'X-App-Version: 2'),
    changes: { connection: 'close' },
  },
  {
    rule: 'content until the end becomes chunks',
    from: lines('HTTP/1.0 200 OK', 'X-A: b'),
    to: lines('HTTP/1.1 200 OK', 'X-A: b', 'Transfer-Encoding: chunked', 'X-App-Version: 2'),
    changes: { chunked: true },
  },
  {
    rule: 'an HTTP/1.0 client is told that the connection stays',
    from: lines('HTTP/1.1 200 OK', 'Content-Length: 2'),
    to: lines('HTTP/1.1 200 OK', 'Content-Length: 2', 'Connection: keep-alive', 'X-App-Version: 2'),
    changes: { connection: 'keep-alive' },
  },
  {
    rule: 'RFC 9110 §8.6: a 204 goes on without a length',
    from: lines('HTTP/1.1 204 No Content', 'Content-Length: 0'),
    to: lines('HTTP/1.1 204 No Content', 'X-App-Version: 2'),
  },
  {
    rule: 'a 304 keeps its length',
    from: lines('HTTP/1.1 304 Not Modified', 'Content-Length: 5'),
    to: lines('HTTP/1.1 304 Not Modified', 'Content-Length: 5', 'X-App-Version: 2'),
  },
  {
    rule: 'a length with leading zeros is said anew',
    from: lines('HTTP/1.1 200 OK', 'Content-Length: 010'),
    to: lines('HTTP/1.1 200 OK', 'Content-Length: 10', 'X-App-Version: 2'),
  },
  {
    rule: 'RFC 9110 §15.2.2: a 101 keeps the switch',
    from: lines('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Accept: k'),
    to: lines(
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Sec-WebSocket-Accept: k',
      'Connection: Upgrade',
      'X-App-Version: 2',
    ),
  },
];

describe('writeResponseHead', () => {
  it.each(CASES)('$rule', ({ from, to, changes }) => {
    expect(rewritten(from, changes)).toBe(to);
  });

  it.each(CASES)('writes what the scanner accepts: $rule', ({ from, changes }) => {
    expect(() => scanned(rewritten(from, changes))).not.toThrow();
  });
});
