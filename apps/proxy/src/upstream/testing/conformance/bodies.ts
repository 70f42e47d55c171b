import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { valuesOf } from '../raw-client.js';
import { chunk, GET, LAST_CHUNK, OK } from './messages.js';
import type { Suite } from './suite.js';

export function describeBodies(suite: Suite): void {
  describe('bodies', () => {
    suite.rule('HEAD keeps the length and has no body', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send('HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n');
      const upstream = await instance.connection();
      await upstream.readMessage();
      upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n');
      const head = await peer.readMessage({ bodyless: true });
      expect(valuesOf(head.headers, 'content-length')).toEqual(['5000']);
      peer.send(GET);
      await upstream.readMessage();
      upstream.send(OK);
      expect((await peer.readMessage()).body.toString()).toBe('ok');
    });

    for (const status of [204, 304]) {
      suite.rule(`${status} has no body and keeps the connection`, async ({ bench }) => {
        const { client, instance } = await bench();
        const peer = await client();
        peer.send(GET);
        const upstream = await instance.connection();
        await upstream.readMessage();
        upstream.send(`HTTP/1.1 ${status} X\r\nETag: "1"\r\n\r\n`);
        const answer = await peer.readMessage();
        expect(answer.status).toBe(status);
        expect(valuesOf(answer.headers, 'transfer-encoding')).toEqual([]);
        peer.send(GET);
        await upstream.readMessage();
        upstream.send(OK);
        expect((await peer.readMessage()).body.toString()).toBe('ok');
      });
    }

    suite.rule('chunked both ways, with trailers; forbidden trailer fields are dropped', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send(
        'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\nHost: evil\r\n\r\n',
      );
      const upstream = await instance.connection();
      const request = await upstream.readMessage();
      expect(request.body.toString()).toBe('abcde');
      expect(request.trailers).toBe('X-Sum: 5\r\n');
      upstream.send(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n4\r\nwxyz\r\n0\r\nX-End: 1\r\nSet-Cookie: a=1\r\n\r\n',
      );
      const answer = await peer.readMessage();
      expect(answer.body.toString()).toBe('wxyz');
      expect(answer.trailers).toBe('X-End: 1\r\n');
    });

    suite.rule('a POST without a body stays without one', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send('POST /x HTTP/1.1\r\nHost: h\r\n\r\n');
      const { headers } = await (await instance.connection()).readMessage();
      expect(valuesOf(headers, 'content-length')).toEqual(['0']);
      expect(valuesOf(headers, 'transfer-encoding')).toEqual([]);
    });

    suite.rule('a DELETE with a chunked body keeps its body and its framing', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send('DELETE /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
      const request = await (await instance.connection()).readMessage();
      expect(request.body.toString()).toBe('abc');
      expect(valuesOf(request.headers, 'content-length')).toEqual([]);
    });

    suite.rule(
      'large bodies both ways arrive whole',
      async ({ bench }) => {
        const { client, instance } = await bench();
        const peer = await client();
        const body = Buffer.alloc(8 * 1024 * 1024, 'The quick brown fox. ');
        const digest = createHash('sha256').update(body).digest('hex');
        peer.send(`PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n`);
        peer.send(body);
        const upstream = await instance.connection();
        const request = await upstream.readMessage();
        expect(createHash('sha256').update(request.body).digest('hex')).toBe(digest);
        upstream.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
        upstream.send(body);
        const answer = await peer.readMessage();
        expect(createHash('sha256').update(answer.body).digest('hex')).toBe(digest);
      },
      20_000,
    );

    suite.rule('an answer delimited by the end of the connection is passed', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send(GET);
      const upstream = await instance.connection();
      await upstream.readMessage();
      upstream.send('HTTP/1.0 200 OK\r\n\r\nabc');
      upstream.socket.end();
      expect((await peer.readMessage()).body.toString()).toBe('abc');
    });

    suite.rule('a stream of events is not buffered: head and events come one by one', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send(GET);
      const upstream = await instance.connection();
      await upstream.readMessage();
      upstream.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
      expect((await peer.readHead()).status).toBe(200);
      for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
        upstream.send(`${event.length.toString(16)}\r\n${event}\r\n`);
        const bytes = await peer.readBytes(event.length + 5);
        expect(bytes.toString()).toContain(event);
      }
    });

    for (const version of ['1.1', '1.0']) {
      suite.rule(`a stream that ends with its connection is not buffered either: a client of HTTP/${version}`, async ({ bench }) => {
        const { begin } = await bench();
        const { peer, upstream } = await begin(`GET /x HTTP/${version}\r\nHost: h\r\n\r\n`);
        upstream.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
        expect((await peer.readHead()).status).toBe(200);
        for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
          upstream.send(event);
          const onTheWire = version === '1.0' ? event : chunk(event);
          expect((await peer.readBytes(onTheWire.length)).toString()).toBe(onTheWire);
        }
        upstream.socket.end();
        if (version === '1.0') expect(await peer.readToEnd()).toBe('');
        else expect((await peer.readBytes(LAST_CHUNK.length)).toString()).toBe(LAST_CHUNK);
      });
    }

    suite.rule('HEAD of what would come in chunks has none, and the connections go on', async ({ bench }) => {
      const { begin, instance } = await bench();
      const { peer, upstream } = await begin('HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n');
      upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      expect((await peer.readMessage({ bodyless: true })).status).toBe(200);
      peer.send(GET);
      await upstream.readMessage();
      upstream.send(OK);
      expect((await peer.readMessage()).body.toString()).toBe('ok');
      expect(instance.accepted).toBe(1);
    });

    suite.rule('304 may name the length of what it does not send', async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream } = await begin(GET);
      upstream.send('HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\n\r\n');
      const answer = await peer.readMessage();
      expect(answer.status).toBe(304);
      peer.send(GET);
      await upstream.readMessage();
      upstream.send(OK);
      expect((await peer.readMessage()).body.toString()).toBe('ok');
    });

    suite.rule('204 with a length: its body is nobody’s answer', async ({ bench }) => {
      const { begin, instance } = await bench();
      const { peer, upstream } = await begin(GET);
      upstream.send('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello');
      const answer = await peer.readHead();
      // Passed without the length, or refused; never passed with it.
      expect([204, 502]).toContain(answer.status);
      if (answer.status === 204) expect(valuesOf(answer.headers, 'content-length')).toEqual([]);
      else await peer.readBytes(Number(valuesOf(answer.headers, 'content-length')[0]));
      await upstream.untilEnd();
      peer.send(GET);
      const second = await instance.connection();
      await second.readMessage();
      second.send(OK);
      expect((await peer.readMessage()).body.toString()).toBe('ok');
    });

    suite.rule('a body behind the answer to HEAD is nobody’s answer', async ({ bench }) => {
      const { begin, instance } = await bench();
      const { peer, upstream } = await begin('HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n');
      upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
      expect((await peer.readHead()).status).toBe(200);
      await upstream.untilEnd();
      peer.send(GET);
      const second = await instance.connection();
      await second.readMessage();
      second.send(OK);
      expect((await peer.readMessage()).body.toString()).toBe('ok');
    });

    suite.rule('a chunked answer keeps its content whatever the pieces, and an empty one is whole', async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream } = await begin(GET);
      const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
      for (const [pieces, content] of [
        [[`${head}0\r\n\r\n`], ''],
        [[...`${head}5;ext="a;b"\r\nhello\r\n000a\r\n0123456789\r\n0\r\n\r\n`], 'hello0123456789'],
      ] as const) {
        for (const piece of pieces) {
          upstream.send(piece);
          await turn();
        }
        expect((await peer.readMessage()).body.toString()).toBe(content);
        peer.send(GET);
        await upstream.readMessage();
      }
    });
  });
}
