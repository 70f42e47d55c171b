import type { ForwarderLimits } from '../../forwarder.js';
import { valuesOf } from '../raw-client.js';
import { chunk, LAST_CHUNK, OK, post, problemOf, request } from './messages.js';
import type { Suite } from './suite.js';

/** A head of so many bytes, the empty line included. */
function headOf(bytes: number, fields = ''): string {
  return request('/x', `${fields}X-Long: ${'a'.repeat(bytes - request('/x', `${fields}X-Long: \r\n`).length)}\r\n`);
}

/** What is exactly at a limit and one byte above it, as made by `of`. */
const BOUNDS: readonly {
  what: string;
  limits?: Partial<ForwarderLimits>;
  at: number;
  of(bytes: number): string;
  code: string;
  status: number;
}[] = [
  { what: 'a head with one long field', at: 16_384, of: headOf, code: 'header_too_large', status: 431 },
  {
    what: 'a head with many short fields',
    at: 16_384,
    of: (bytes) => headOf(bytes, 'a: b\r\n'.repeat(2_000)),
    code: 'header_too_large',
    status: 431,
  },
  {
    what: 'a head with spaces around its values',
    at: 16_384,
    of: (bytes) => headOf(bytes, `X-A: ${' '.repeat(8_000)}b${' '.repeat(2_000)}\r\n`),
    code: 'header_too_large',
    status: 431,
  },
  {
    what: 'a head of an upgrade',
    at: 16_384,
    of: (bytes) => headOf(bytes, 'Connection: Upgrade\r\nUpgrade: websocket\r\n'),
    code: 'header_too_large',
    status: 431,
  },
  {
    what: 'a head, with another limit',
    limits: { headBytes: 1_024, targetBytes: 256 },
    at: 1_024,
    of: headOf,
    code: 'header_too_large',
    status: 431,
  },
  { what: 'a target', at: 8_192, of: (bytes) => request(`/${'a'.repeat(bytes - 1)}`), code: 'uri_too_long', status: 414 },
  { what: 'a target with a query', at: 8_192, of: (bytes) => request(`/?${'a'.repeat(bytes - 2)}`), code: 'uri_too_long', status: 414 },
  {
    what: 'a target in absolute form',
    at: 8_192,
    of: (bytes) => request(`http://h/${'a'.repeat(bytes - 9)}`),
    code: 'uri_too_long',
    status: 414,
  },
  {
    what: 'a target, with another limit',
    limits: { targetBytes: 256 },
    at: 256,
    of: (bytes) => request(`/${'a'.repeat(bytes - 1)}`),
    code: 'uri_too_long',
    status: 414,
  },
];

export function describeRefusals(suite: Suite): void {
  describe('requests that are refused', () => {
    const refused: { title: string; bytes: string; code: string; status: number; limits?: Partial<ForwarderLimits> }[] = [
      {
        title: '431 for a head over the limit',
        bytes: `GET /x HTTP/1.1\r\nHost: h\r\nX-Long: ${'a'.repeat(17_000)}\r\n\r\n`,
        code: 'header_too_large',
        status: 431,
      },
      {
        title: '414 for a target over the limit',
        bytes: `GET /${'a'.repeat(9_000)} HTTP/1.1\r\nHost: h\r\n\r\n`,
        code: 'uri_too_long',
        status: 414,
      },
      {
        title: '413 by length',
        bytes: 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n',
        code: 'body_too_large',
        status: 413,
        limits: { bodyBytes: 10 },
      },
      {
        title: '413 by chunks',
        bytes: 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n',
        code: 'body_too_large',
        status: 413,
        limits: { bodyBytes: 10 },
      },
      { title: '400 without Host', bytes: 'GET /x HTTP/1.1\r\n\r\n', code: 'bad_request', status: 400 },
      { title: '400 with two Hosts', bytes: 'GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', code: 'bad_request', status: 400 },
      {
        title: '400 with a length and chunks',
        bytes: 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        code: 'bad_request',
        status: 400,
      },
      {
        title: '400 with unequal lengths',
        bytes: 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
        code: 'bad_request',
        status: 400,
      },
      {
        title: '400 with an unknown transfer coding',
        bytes: 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
        code: 'bad_request',
        status: 400,
      },
      { title: '400 for what is no HTTP', bytes: '\x16\x03\x01\x02\x00\r\n\r\n', code: 'bad_request', status: 400 },
      { title: '400 for a space before the colon', bytes: 'GET /x HTTP/1.1\r\nHost : h\r\n\r\n', code: 'bad_request', status: 400 },
      {
        title: '408 for a head that does not come',
        bytes: 'GET /x HTTP/1.1\r\nHost: h\r\n',
        code: 'request_timeout',
        status: 408,
        limits: { headTimeoutMs: 50 },
      },
    ];
    for (const { title, bytes, code, status, limits } of refused) {
      suite.rule(title, async ({ bench }) => {
        const { client } = await bench(limits);
        const peer = await client();
        peer.send(bytes);
        const answer = await peer.readMessage();
        expect(answer.status).toBe(status);
        expect(JSON.parse(answer.body.toString())).toMatchObject({ code, status });
        expect(valuesOf(answer.headers, 'x-request-id')).toHaveLength(1);
      });
    }

    for (const { what, limits, at, of, code, status } of BOUNDS) {
      suite.rule(`exactly the limit passes, one byte more is ${status}: ${what}`, async ({ bench }) => {
        const { begin, client, instance } = await bench(limits);
        const bytes = of(at);
        const { peer, upstream } = await begin(bytes);
        upstream.send(OK);
        expect((await peer.readMessage()).status).toBe(200);
        const other = await client();
        // Also when the last byte comes by itself.
        for (const piece of [of(at + 1).slice(0, -1), '\n']) other.send(piece);
        expect(problemOf(await other.readMessage())).toMatchObject({ code, status });
        await other.untilEnd();
        expect(instance.accepted).toBe(1);
      });
    }

    suite.rule('413 for chunks that exceed the limit only together: the instance never sees the body whole', async ({ bench }) => {
      const { begin, gateway, instance } = await bench({ bodyBytes: 10 });
      const { peer, upstream } = await begin(post('Transfer-Encoding: chunked\r\n', chunk('012345')));
      expect((await upstream.readBytes(chunk('012345').length)).toString()).toBe(chunk('012345'));
      peer.send(chunk('6789a') + LAST_CHUNK);
      expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'body_too_large', status: 413 });
      expect(await peer.readToEnd()).toBe('');
      await upstream.untilEnd();
      expect(instance.received).not.toContain(LAST_CHUNK);
      await gateway.ended(1);
      expect(gateway.results).toMatchObject([{ status: 413, outcome: 'complete' }]);
    });

    suite.rule('a body exactly as large as the limit passes, whatever its framing and trailers add', async ({ bench }) => {
      for (const [head, body] of [
        ['Content-Length: 10\r\n', '0123456789'],
        ['Transfer-Encoding: chunked\r\n', `${chunk('01234')}${chunk('56789')}0\r\nX-Sum: 0123456789\r\n\r\n`],
      ] as const) {
        const { client, instance } = await bench({ bodyBytes: 10 });
        const peer = await client();
        peer.send(post(head, body));
        const upstream = await instance.connection();
        expect((await upstream.readMessage()).body.toString()).toBe('0123456789');
        upstream.send(OK);
        expect((await peer.readMessage()).status).toBe(200);
      }
    });

    suite.rule('who expects 100 for a body over the limit is told 413 and never 100', async ({ bench }) => {
      const { client, instance } = await bench({ bodyBytes: 10 });
      const peer = await client();
      peer.send(post('Content-Length: 11\r\nExpect: 100-continue\r\n'));
      expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'body_too_large', status: 413 });
      expect(await peer.readToEnd()).toBe('');
      expect(instance.accepted).toBe(0);
    });

    suite.rule('a refused upload is read to its end, so that the client sees the answer', async ({ bench }) => {
      const { client } = await bench();
      const peer = await client();
      peer.send('POST /refused HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n');
      const answer = await peer.readMessage();
      expect(answer.status).toBe(404);
      peer.send(Buffer.alloc(100_000));
      await peer.untilEnd();
    });
  });
}
