import type { ForwarderLimits } from '../../forwarder.js';
import { valuesOf } from '../raw-client.js';
import type { Suite } from './suite.js';

export function describeRefusals(suite: Suite): void {
  describe('requests that are refused', () => {
    const refused: { title: string; request: string; code: string; status: number; limits?: Partial<ForwarderLimits> }[] = [
      {
        title: '431 for a head over the limit',
        request: `GET /x HTTP/1.1\r\nHost: h\r\nX-Long: ${'a'.repeat(17_000)}\r\n\r\n`,
        code: 'header_too_large',
        status: 431,
      },
      {
        title: '414 for a target over the limit',
        request: `GET /${'a'.repeat(9_000)} HTTP/1.1\r\nHost: h\r\n\r\n`,
        code: 'uri_too_long',
        status: 414,
      },
      {
        title: '413 by length',
        request: 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n',
        code: 'body_too_large',
        status: 413,
        limits: { bodyBytes: 10 },
      },
      {
        title: '413 by chunks',
        request: 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n',
        code: 'body_too_large',
        status: 413,
        limits: { bodyBytes: 10 },
      },
      { title: '400 without Host', request: 'GET /x HTTP/1.1\r\n\r\n', code: 'bad_request', status: 400 },
      { title: '400 with two Hosts', request: 'GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', code: 'bad_request', status: 400 },
      {
        title: '400 with a length and chunks',
        request: 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        code: 'bad_request',
        status: 400,
      },
      {
        title: '400 with unequal lengths',
        request: 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
        code: 'bad_request',
        status: 400,
      },
      {
        title: '400 with an unknown transfer coding',
        request: 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
        code: 'bad_request',
        status: 400,
      },
      { title: '400 for what is no HTTP', request: '\x16\x03\x01\x02\x00\r\n\r\n', code: 'bad_request', status: 400 },
      { title: '400 for a space before the colon', request: 'GET /x HTTP/1.1\r\nHost : h\r\n\r\n', code: 'bad_request', status: 400 },
      {
        title: '408 for a head that does not come',
        request: 'GET /x HTTP/1.1\r\nHost: h\r\n',
        code: 'request_timeout',
        status: 408,
        limits: { headTimeoutMs: 50 },
      },
    ];
    for (const { title, request, code, status, limits } of refused) {
      suite.rule(title, async ({ bench }) => {
        const { client } = await bench(limits);
        const peer = await client();
        peer.send(request);
        const answer = await peer.readMessage();
        expect(answer.status).toBe(status);
        expect(JSON.parse(answer.body.toString())).toMatchObject({ code, status });
        expect(valuesOf(answer.headers, 'x-request-id')).toHaveLength(1);
      });
    }

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
