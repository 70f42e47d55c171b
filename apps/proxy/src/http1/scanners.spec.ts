import fc from 'fast-check';
import { ChunkedBody } from './chunked-body.js';
import { FieldBlock, NEED_MORE, REFUSED } from './field-block.js';
import { BY_LENGTH, CHUNKED, NO_BODY, UNTIL_CLOSE } from './framing.js';
import { HeadInput } from './head-input.js';
import { RequestHead } from './request-head.js';
import { ABSOLUTE_FORM, ASTERISK_FORM, AUTHORITY_FORM, ORIGIN_FORM } from './request-target.js';
import { ResponseHead } from './response-head.js';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

function scanRequest(text: string): RequestHead {
  const head = new RequestHead();
  head.begin();
  const bytes = latin1(text);
  expect(head.scan(bytes, 0, bytes.length)).toBe(bytes.length);
  return head;
}

function scanResponse(text: string, toHead = false): ResponseHead {
  const head = new ResponseHead();
  head.begin(toHead);
  const bytes = latin1(text);
  expect(head.scan(bytes, 0, bytes.length)).toBe(bytes.length);
  return head;
}

describe('RequestHead', () => {
  const TARGETS = [
    { line: 'GET /a?b HTTP/1.1', form: ORIGIN_FORM, path: '/a?b', host: 'h' },
    { line: 'GET http://x.example:8/a?b HTTP/1.1', form: ABSOLUTE_FORM, path: '/a?b', host: 'x.example:8' },
    { line: 'GET http://x.example?b HTTP/1.1', form: ABSOLUTE_FORM, path: '?b', host: 'x.example' },
    { line: 'OPTIONS * HTTP/1.1', form: ASTERISK_FORM, path: '*', host: 'h' },
    { line: 'CONNECT x.example:443 HTTP/1.1', form: AUTHORITY_FORM, path: '', host: 'x.example:443' },
  ];
  it.each(TARGETS)('RFC 9112 §3.2: finds the parts of $line', ({ line, form, path, host }) => {
    const text = `${line}\r\nHost: h\r\n\r\n`;
    const head = scanRequest(text);
    expect({
      form: head.targetForm,
      path: text.slice(head.pathStart, head.targetEnd),
      host: text.slice(head.hostStart, head.hostEnd),
    }).toEqual({ form, path, host });
  });

  const MEANINGS = [
    { fields: '', is: { framing: NO_BODY, keepAlive: true, upgrade: false, expectsContinue: false } },
    { fields: 'Content-Length: 7\r\n', is: { framing: BY_LENGTH, contentLength: 7 } },
    { fields: 'Content-Length: 0\r\nExpect: 100-continue\r\n', is: { framing: NO_BODY, expectsContinue: false } },
    { fields: 'Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n', is: { framing: CHUNKED, expectsContinue: true } },
    { fields: 'Connection: close\r\n', is: { keepAlive: false } },
    { fields: 'Upgrade: websocket\r\nConnection: Upgrade\r\n', is: { upgrade: true } },
    { fields: 'Upgrade: websocket\r\n', is: { upgrade: false } },
    { fields: 'Upgrade: h2c\r\nConnection: Upgrade\r\n', is: { upgrade: false } },
  ];
  it.each(MEANINGS)('understands $fields', ({ fields, is }) => {
    expect(scanRequest(`POST / HTTP/1.1\r\nHost: h\r\n${fields}\r\n`)).toMatchObject(is);
  });

  it('keeps nothing of the request before', () => {
    const head = new RequestHead();
    const read = (text: string): void => {
      head.begin();
      expect(head.scan(latin1(text), 0, text.length)).toBe(text.length);
    };
    read(
      'POST /a HTTP/1.1\r\nHost: h\r\nConnection: close, upgrade, x\r\nUpgrade: a\r\nExpect: 100-continue\r\nContent-Length: 05\r\n\r\n',
    );
    read('GET /b HTTP/1.1\r\nHost: h\r\n\r\n');
    const fresh = scanRequest('GET /b HTTP/1.1\r\nHost: h\r\n\r\n');
    const told = ({ framing, contentLength, contentLengthCanonical, keepAlive, upgrade, expectsContinue, method }: RequestHead) => ({
      ...{ framing, contentLength, contentLengthCanonical, keepAlive, upgrade, expectsContinue, method },
    });
    expect(told(head)).toEqual(told(fresh));
    expect(head.fields.seen).toBe(fresh.fields.seen);
  });

  it('knows an idle connection from a slow client', () => {
    const head = new RequestHead();
    head.begin();
    expect(head.scan(latin1('\r\n'), 0, 2)).toBe(NEED_MORE);
    expect(head.untouched).toBe(true);
    expect(head.scan(latin1('\r\nG'), 0, 3)).toBe(NEED_MORE);
    expect(head.untouched).toBe(false);
  });

  it('refuses limits that its offsets cannot hold', () => {
    expect(() => new RequestHead({ headBytes: 65536, targetBytes: 1 })).toThrow(RangeError);
  });
});

describe('ResponseHead', () => {
  const MEANINGS = [
    { text: 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n', is: { framing: BY_LENGTH, contentLength: 7, keepAlive: true } },
    { text: 'HTTP/1.1 200 OK\r\n\r\n', is: { framing: UNTIL_CLOSE, contentLength: -1, keepAlive: false } },
    { text: 'HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n', is: { framing: BY_LENGTH, keepAlive: false } },
    { text: 'HTTP/1.0 200 OK\r\nContent-Length: 7\r\nConnection: keep-alive\r\n\r\n', is: { framing: BY_LENGTH, keepAlive: true } },
    { text: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n', is: { framing: NO_BODY, contentLength: 7, keepAlive: true } },
    { text: 'HTTP/1.1 103 Early Hints\r\n\r\n', is: { framing: NO_BODY, isInterim: true } },
    { text: 'HTTP/1.1 101 X\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n', is: { upgrade: true, isInterim: false } },
  ];
  it.each(MEANINGS)('understands $text', ({ text, is }) => {
    expect(scanResponse(text)).toMatchObject(is);
  });
  it('expects no content after a HEAD', () => {
    expect(scanResponse('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n', true)).toMatchObject({
      framing: NO_BODY,
      contentLength: 7,
      keepAlive: true,
    });
    expect(scanResponse('HTTP/1.1 200 OK\r\n\r\n', true)).toMatchObject({ framing: NO_BODY, keepAlive: true });
  });
});

describe('FieldBlock', () => {
  const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_.!~'), minLength: 1, maxLength: 20 });
  const value = fc
    .string({ unit: fc.constantFrom(...'ab :,;"\t\xe4\xff=/'), maxLength: 40 })
    .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''));
  const blanks = fc.constantFrom('', ' ', '\t', ' \t ');

  it('gives back every name and value, wherever the bytes are split and the block begins', () => {
    const fields = fc.array(fc.tuple(token, value, blanks, blanks), { maxLength: 20 });
    fc.assert(
      fc.property(fields, fc.nat(), fc.nat(30), (list, cut, before) => {
        const bytes = latin1(`${'z'.repeat(before)}${list.map(([name, text, a, b]) => `${name}:${a}${text}${b}\r\n`).join('')}\r\nrest`);
        const block = new FieldBlock(20);
        block.begin(0);
        const at = before + (cut % (bytes.length - before));
        const first = block.scan(bytes, before, at);
        const end = first === NEED_MORE ? block.scan(bytes, before, bytes.length) : first;
        expect(end).toBe(bytes.length - 4);
        const text = bytes.toString('latin1', before);
        expect(list.map(([name, content]) => [name, content])).toEqual(
          Array.from({ length: block.count }, (_, i) => [
            text.slice(block.nameStart(i), block.nameEnd(i)),
            text.slice(block.valueStart(i), block.valueEnd(i)),
          ]),
        );
      }),
    );
  });
});

describe('ChunkedBody', () => {
  const body = fc.record({
    chunks: fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 10 }),
    extension: fc.constantFrom('', ';a', ';a=b;c="d\\"e"'),
    trailers: fc.constantFrom('', 'X-A: b\r\n', 'X-A:\r\nETag: "x"\r\n'),
  });

  it('gives back the content, ends at the last byte, and does not mind how the bytes come', () => {
    fc.assert(
      fc.property(body, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), ({ chunks, extension, trailers }, sizes) => {
        const content = Buffer.concat(chunks);
        const parts = chunks.map((chunk) => `${chunk.length.toString(16)}${extension}\r\n${Buffer.from(chunk).toString('latin1')}\r\n`);
        const message = latin1(`${parts.join('')}0${extension}\r\n${trailers}\r\n`);
        const stream = Buffer.concat([message, latin1('GET / HTTP/1.1')]);
        const scanner = new ChunkedBody();
        scanner.begin();
        let read = '';
        let at = 0;
        for (let i = 0; !scanner.done && at < stream.length; i++) {
          const end = Math.min(stream.length, at + sizes[i % sizes.length]!);
          const result = scanner.scan(stream, at, end, (bytes, from, until) => {
            read += bytes.toString('latin1', from, until);
          });
          expect(result).not.toBe(REFUSED);
          at = result === NEED_MORE ? end : result;
        }
        expect(at).toBe(message.length);
        expect(read).toBe(content.toString('latin1'));
        expect(scanner.contentBytes).toBe(content.length);
      }),
    );
  });

  it('can be used again after a body with trailers that came in pieces', () => {
    const scanner = new ChunkedBody();
    for (let round = 0; round < 3; round++) {
      scanner.begin();
      expect(scanner.scan(latin1('0\r\nX-A'), 0, 6)).toBe(NEED_MORE);
      expect(scanner.scan(latin1(': b\r\n\r\nGET'), 0, 10)).toBe(7);
      expect(scanner.trailerPairs).toEqual(['X-A', 'b']);
    }
  });
});

describe('HeadInput', () => {
  it('scans a whole head where it is, without a copy', () => {
    const piece = latin1('....GET / HTTP/1.1\r\nHost: h\r\n\r\nrest');
    const head = new RequestHead();
    const input = new HeadInput(16_384);
    head.begin();
    input.begin();
    expect(input.read(head, piece, 4, piece.length)).toBe(piece.length - 4);
    expect(input.bytes).toBe(piece);
    expect(input.text(head)).toBe('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
  });

  it('puts a head together from pieces that are overwritten, and says where the rest begins', () => {
    const text = 'GET / HTTP/1.1\r\nHost: h\r\nX-A: b\r\n\r\n';
    const head = new RequestHead();
    const input = new HeadInput(16_384);
    head.begin();
    input.begin();
    const piece = Buffer.alloc(64);
    let result = NEED_MORE;
    for (let at = 0; at < text.length; at += 10) {
      const part = text.slice(at, at + 10);
      const rest = at + 10 >= text.length ? 'rest' : '';
      piece.fill(0).write(`${part}${rest}`, 'latin1');
      result = input.read(head, piece, 0, part.length + rest.length);
      if (rest !== '') expect(result).toBe(part.length);
    }
    expect(input.text(head)).toBe(text);
  });

  it('never keeps more than the scanner would read', () => {
    const head = new RequestHead();
    const input = new HeadInput(16_384);
    head.begin();
    input.begin();
    const first = latin1('GET / HTTP/1.1\r\nX-A: ');
    expect(input.read(head, first, 0, first.length)).toBe(NEED_MORE);
    const flood = Buffer.alloc(1 << 20, 'b');
    expect(input.read(head, flood, 0, flood.length)).toBe(REFUSED);
    expect(head.refusal?.status).toBe(431);
    expect(input.bytes.length).toBe(16_384);
  });
});
