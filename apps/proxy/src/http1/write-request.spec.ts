import { FORWARDED_FOR } from './field-names.js';
import { HeadInput } from './head-input.js';
import { fieldLine, fieldValue, joinedValues, valueOfName } from './head-text.js';
import { RequestHead } from './request-head.js';
import { REQUEST_FIELDS_OF_PROXY, type RequestRewrite, writeRequestHead } from './write-request.js';

function scanned(text: string): { head: RequestHead; text: string } {
  const head = new RequestHead();
  const input = new HeadInput(16_384);
  head.begin();
  const bytes = Buffer.from(text, 'latin1');
  if (input.read(head, bytes, 0, bytes.length) < 0) throw new Error(head.refusal?.reason ?? 'not whole');
  return { head, text: input.text(head) };
}

function rewritten(text: string, changes: Partial<RequestRewrite> = {}): string {
  const message = scanned(text);
  const rewrite = { target: '/items', host: null, dropped: REQUEST_FIELDS_OF_PROXY, upgrade: false, ...changes };
  return writeRequestHead(message.head, message.text, rewrite, 'X-Request-Id: 7\r\n');
}

const lines = (...each: string[]): string => `${each.join('\r\n')}\r\n\r\n`;

interface Case {
  rule: string;
  from: string;
  to: string;
  changes?: Partial<RequestRewrite>;
}

const CASES: Case[] = [
  {
    rule: 'passes what is end-to-end as it came, adds what the proxy says',
    from: lines('PATCH /x HTTP/1.1', 'hOsT:shop.example', 'X-A:  b \t', 'X-High: \xe4', 'X-A: c'),
    to: lines('PATCH /items HTTP/1.1', 'hOsT:shop.example', 'X-A:  b \t', 'X-High: \xe4', 'X-A: c', 'Content-Length: 0', 'X-Request-Id: 7'),
  },
  {
    rule: 'RFC 9110 §7.6.1: hop-by-hop fields and those that Connection names go no further',
    from: lines(
      'GET / HTTP/1.1',
      'Connection: keep-alive, X-Own',
      'Keep-Alive: 5',
      'Host: h',
      'TE: trailers',
      'x-own: 1',
      'Proxy-Connection: close',
      'X-Ownx: 2',
      'Proxy-Authorization: x',
    ),
    to: lines('GET /items HTTP/1.1', 'Host: h', 'X-Ownx: 2', 'X-Request-Id: 7'),
  },
  {
    rule: 'what a client says in the name of the proxy goes no further, nor does a disguise of it',
    from: lines(
      'GET / HTTP/1.1',
      'Host: h',
      'X-Forwarded-For: 6.6.6.6',
      'x-request-id: evil',
      'X-App-Version: 9',
      'X_Forwarded_For: 6.6.6.6',
      'X_Other: 1',
      'Proxy: evil',
    ),
    to: lines('GET /items HTTP/1.1', 'Host: h', 'X_Other: 1', 'X-Request-Id: 7'),
  },
  {
    rule: 'the last field may be one that goes',
    from: lines('GET / HTTP/1.1', 'Host: h', 'Connection: close'),
    to: lines('GET /items HTTP/1.1', 'Host: h', 'X-Request-Id: 7'),
  },
  {
    rule: 'RFC 9112 §3.2.2: the host of an absolute target replaces Host',
    from: lines('GET http://real.example:81/x HTTP/1.1', 'Host: other.example', 'Accept: */*'),
    to: lines('GET /items HTTP/1.1', 'Accept: */*', 'Host: real.example:81', 'X-Request-Id: 7'),
  },
  {
    rule: 'a host of its own',
    from: lines('GET / HTTP/1.1', 'Host: h', 'Accept: */*'),
    to: lines('GET /items HTTP/1.1', 'Accept: */*', 'Host: instance:80', 'X-Request-Id: 7'),
    changes: { host: 'instance:80' },
  },
  {
    rule: 'HTTP/1.0 becomes HTTP/1.1 with a Host, and without an expectation',
    from: lines('POST / HTTP/1.0', 'Expect: 100-continue', 'Content-Length: 2'),
    to: lines('POST /items HTTP/1.1', 'Content-Length: 2', 'Host: ', 'X-Request-Id: 7'),
  },
  {
    rule: 'RFC 9112 §6.1: chunked is said anew, in one spelling',
    from: lines('POST / HTTP/1.1', 'Host: h', 'transfer-encoding:  CHUNKED ', 'Trailer: X-Sum'),
    to: lines('POST /items HTTP/1.1', 'Host: h', 'Trailer: X-Sum', 'Transfer-Encoding: chunked', 'X-Request-Id: 7'),
  },
  {
    rule: 'a length with leading zeros is said anew, so that nobody takes it for octal',
    from: lines('POST / HTTP/1.1', 'Host: h', 'Content-Length: 0010'),
    to: lines('POST /items HTTP/1.1', 'Host: h', 'Content-Length: 10', 'X-Request-Id: 7'),
  },
  {
    rule: 'RFC 9110 §7.8: an upgrade goes on when it is asked for',
    from: lines('GET / HTTP/1.1', 'Host: h', 'Upgrade: websocket', 'Connection: keep-alive, Upgrade', 'Sec-WebSocket-Key: k'),
    to: lines('GET /items HTTP/1.1', 'Host: h', 'Upgrade: websocket', 'Sec-WebSocket-Key: k', 'Connection: Upgrade', 'X-Request-Id: 7'),
    changes: { upgrade: true },
  },
  {
    rule: 'RFC 9110 §8.6: a method that gives content a meaning says that there is none',
    from: lines('POST / HTTP/1.1', 'Host: h'),
    to: lines('POST /items HTTP/1.1', 'Host: h', 'Content-Length: 0', 'X-Request-Id: 7'),
  },
  {
    rule: 'an upgrade that is not asked for goes no further',
    from: lines('GET / HTTP/1.1', 'Host: h', 'Upgrade: websocket', 'Connection: Upgrade'),
    to: lines('GET /items HTTP/1.1', 'Host: h', 'X-Request-Id: 7'),
  },
  {
    rule: 'an upgrade to h2c never goes on',
    from: lines('GET / HTTP/1.1', 'Host: h', 'Upgrade: websocket, h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: A'),
    to: lines('GET /items HTTP/1.1', 'Host: h', 'X-Request-Id: 7'),
    changes: { upgrade: true },
  },
];

describe('writeRequestHead', () => {
  it.each(CASES)('$rule', ({ from, to, changes }) => {
    expect(rewritten(from, changes)).toBe(to);
  });

  it.each(CASES)('writes what the scanner accepts: $rule', ({ from, changes }) => {
    expect(() => scanned(rewritten(from, { host: 'h', ...changes }))).not.toThrow();
  });
});

describe('values of fields', () => {
  const { head, text } = scanned(
    lines('GET / HTTP/1.1', 'Host: h', 'x-forwarded-for: 1.1.1.1 ', 'X-Forwarded-For:', 'X-Forwarded-For: 2.2.2.2, 3.3.3.3', 'X-User: ann'),
  );

  it('joins a list that came in several fields', () => {
    expect(joinedValues(text, head.fields, FORWARDED_FOR)).toBe('1.1.1.1, 2.2.2.2, 3.3.3.3');
  });
  it('finds a field of any name', () => {
    expect(fieldValue(text, head.fields, FORWARDED_FOR)).toBe('1.1.1.1');
    expect(valueOfName(text, head.fields, 'x-user')).toBe('ann');
    expect(valueOfName(text, head.fields, 'x-use')).toBeNull();
  });
  it('makes no two lines of one', () => {
    expect(fieldLine('X-A', 'b\xe4')).toBe('X-A: b\xe4\r\n');
    for (const value of ['a\r\nb', 'a\nb', 'a\x00', 'a\x7f', '\u20ac']) expect(() => fieldLine('X-A', value)).toThrow(TypeError);
  });
});
