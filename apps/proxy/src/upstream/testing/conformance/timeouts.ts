import { dripping } from './dripping.js';
import { chunk, GET, LAST_CHUNK, OK, post, problemOf, request } from './messages.js';
import { stuckListener } from './stuck-listener.js';
import type { Suite } from './suite.js';

/** The limits of a case that waits for one of them: long enough to get there on a busy machine, short enough to wait for. */
const SOON_MS = 150;
/** Where something has to be done before the limit. */
const LATER_MS = 600;

export function describeTimeouts(suite: Suite): void {
  describe('timeouts', () => {
    suite.rule('408 for a head that comes forever: each byte is in time, the whole is not', async ({ bench }) => {
      const { client, gateway } = await bench({ headTimeoutMs: SOON_MS });
      const peer = await client();
      peer.send('GET /x HTTP/1.1\r\nHost: h\r\nX-Slow: ');
      await dripping(
        () => peer.send('a'),
        5,
        async () => {
          expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'request_timeout', status: 408 });
          await peer.untilEnd();
        },
      );
      expect(gateway.heads).toEqual([]);
    });

    suite.rule('a connection that says nothing at all is closed', async ({ bench }) => {
      const { client, gateway } = await bench({ headTimeoutMs: SOON_MS });
      expect(await (await client()).readToEnd()).toMatch(/^($|HTTP\/1\.1 408 )/);
      expect(gateway.heads).toEqual([]);
    });

    suite.rule('408 for a second head on a kept connection that comes forever', async ({ bench }) => {
      const { begin, gateway } = await bench({ headTimeoutMs: SOON_MS });
      const { peer, upstream } = await begin(GET);
      upstream.send(OK);
      await peer.readMessage();
      peer.send('GET /slow HTTP/1.1\r\nX-Slow: ');
      await dripping(
        () => peer.send('a'),
        5,
        async () => {
          expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'request_timeout', status: 408 });
          await peer.untilEnd();
        },
      );
      expect(gateway.heads.map(({ target }) => target)).toEqual(['/x']);
    });

    suite.rule('a connection that rests for too long is closed without a word', async ({ bench }) => {
      const { begin } = await bench({ clientIdleMs: SOON_MS });
      const { peer, upstream } = await begin(GET);
      upstream.send(OK);
      await peer.readMessage();
      expect(await peer.readToEnd()).toBe('');
    });

    suite.rule('408 for a body that stops, and the instance is let go', async ({ bench }) => {
      const { begin, gateway } = await bench({ streamIdleMs: SOON_MS });
      for (const [head, part] of [
        ['Content-Length: 10\r\n', 'abc'],
        ['Transfer-Encoding: chunked\r\n', chunk('abc')],
      ] as const) {
        const { peer, upstream } = await begin(post(head, part));
        expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'request_timeout', status: 408 });
        await upstream.untilEnd();
        expect(upstream.received).toBe(part);
        await peer.untilEnd();
      }
      await gateway.ended(2);
      expect(gateway.running).toBe(0);
    });

    for (const [kind, head, part] of [
      ['a length', 'Content-Length: 100000\r\n', 'a'],
      ['chunks', 'Transfer-Encoding: chunked\r\n', chunk('a')],
    ] as const) {
      suite.rule(`408 for a body that only trickles, each byte in time: ${kind}`, async ({ bench }) => {
        const { begin, gateway } = await bench({ headTimeoutMs: SOON_MS, minBodyBytesPerSecond: 1_000 });
        const { peer, upstream } = await begin(post(head));
        await dripping(
          () => peer.send(part),
          20,
          async () => {
            expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'request_timeout', status: 408 });
            await upstream.untilEnd();
          },
        );
        await gateway.ended(1);
        expect(gateway.running).toBe(0);
      });
    }

    suite.rule('a body that comes fast enough may take several times as long', async ({ bench }) => {
      const { begin } = await bench({ headTimeoutMs: LATER_MS, minBodyBytesPerSecond: 1_000 });
      const { peer, upstream } = await begin(post('Transfer-Encoding: chunked\r\n'));
      // Each piece buys two seconds.
      const piece = chunk('x'.repeat(2_000));
      const until = Date.now() + 2 * LATER_MS;
      while (Date.now() < until) {
        peer.send(piece);
        await upstream.readBytes(piece.length);
      }
      peer.send(LAST_CHUNK);
      await upstream.readBytes(LAST_CHUNK.length);
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
    });

    suite.rule('a client that the instance keeps waiting is not slow', async ({ bench }) => {
      // What all buffers on the way take buys less time than the instance makes the client wait; a busy machine moves the rest in time.
      const { begin } = await bench({ headTimeoutMs: 1_000, minBodyBytesPerSecond: 20_000_000 });
      const bytes = 32 * 1024 * 1024;
      const { peer, upstream } = await begin(post(`Content-Length: ${bytes}\r\n`));
      upstream.socket.pause();
      peer.send(Buffer.alloc(bytes, 'x'));
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      upstream.socket.resume();
      await upstream.readBytes(bytes);
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
    });

    for (const [kind, head] of [
      ['a length', `Content-Length: ${64 * 1024 * 1024}\r\n`],
      ['chunks', 'Transfer-Encoding: chunked\r\n'],
    ] as const) {
      suite.rule(`504 for an instance that takes no more of a body, and it is let go: ${kind}`, async ({ bench }) => {
        const { begin, gateway } = await bench({ streamIdleMs: LATER_MS });
        const { peer, upstream } = await begin(post(head));
        upstream.socket.pause();
        // More than all buffers on the way take.
        const piece = 'x'.repeat(1024 * 1024);
        for (let i = 0; i < 64; i += 1) peer.send(kind === 'chunks' ? chunk(piece) : piece);
        expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'upstream_timeout', status: 504 });
        await gateway.ended(1);
        expect(gateway.results).toMatchObject([{ status: 504, outcome: 'complete' }]);
        expect(gateway.failures).toEqual([]);
        upstream.socket.resume();
        await upstream.untilEnd();
        expect(upstream.received).not.toContain(LAST_CHUNK);
      });
    }

    suite.rule('504 for an answer whose head comes forever: each byte is in time, the whole is not', async ({ bench }) => {
      const { begin, gateway } = await bench({ responseTimeoutMs: SOON_MS });
      const { peer, upstream } = await begin(GET);
      upstream.send('HTTP/1.1 200 OK\r\nX-Slow: ');
      await dripping(
        () => upstream.send('a'),
        5,
        async () => {
          expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'upstream_timeout', status: 504 });
          await upstream.untilEnd();
        },
      );
      expect(gateway.failures).toEqual([]);
    });

    suite.rule('who talks with an instance that has begun to answer may take its time', async ({ bench }) => {
      const { begin } = await bench({ headTimeoutMs: LATER_MS, minBodyBytesPerSecond: 1_000 });
      const { peer, upstream } = await begin(post('Transfer-Encoding: chunked\r\n'));
      upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      await peer.readHead();
      const until = Date.now() + 2 * LATER_MS;
      while (Date.now() < until) {
        peer.send(chunk('x'));
        upstream.send(await upstream.readBytes(chunk('x').length));
        await peer.readBytes(chunk('x').length);
      }
    });

    suite.rule('408 for a whole request that takes too long, while its body comes', async ({ bench }) => {
      const { begin, gateway } = await bench({ requestTimeoutMs: SOON_MS });
      const { peer, upstream } = await begin(post('Transfer-Encoding: chunked\r\n'));
      await dripping(
        () => peer.send(chunk('x')),
        20,
        async () => {
          expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'request_timeout', status: 408 });
          await upstream.untilEnd();
        },
      );
      await gateway.ended(1);
    });

    suite.rule(
      '504 for a whole request that takes too long, while its answer is waited for; the next one has its own time',
      async ({ bench }) => {
        const { begin, gateway, instance: first } = await bench({ requestTimeoutMs: LATER_MS });
        const { peer, upstream } = await begin(GET);
        expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'upstream_timeout', status: 504 });
        await upstream.untilEnd();
        peer.send(GET);
        const second = await first.connection();
        await second.readMessage();
        second.send(OK);
        expect((await peer.readMessage()).status).toBe(200);
        expect(gateway.failures).toEqual([]);
      },
    );

    suite.rule('an answer that flows for too long is cut, and that is seen', async ({ bench }) => {
      const { begin, gateway } = await bench({ requestTimeoutMs: LATER_MS });
      const { peer, upstream } = await begin(GET);
      upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      await dripping(
        () => upstream.send(chunk('x')),
        20,
        async () => {
          await peer.readHead();
          expect(await peer.readToEnd()).not.toContain(LAST_CHUNK);
        },
      );
      await gateway.ended(1);
      expect(gateway.results).toMatchObject([{ status: 200, outcome: 'late' }]);
    });

    suite.rule('a tunnel is not a request: it goes on', async ({ bench }) => {
      const { begin } = await bench({ requestTimeoutMs: LATER_MS });
      const { peer, upstream } = await begin(request('/ws', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
      upstream.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      await peer.readHead();
      const until = Date.now() + 2 * LATER_MS;
      while (Date.now() < until) {
        peer.send('ping');
        upstream.send(await upstream.readBytes(4));
        await peer.readBytes(4);
      }
    });

    suite.rule('an answer that stops is cut, and that is seen', async ({ bench }) => {
      for (const head of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
        const { begin, gateway } = await bench({ streamIdleMs: SOON_MS });
        const { peer, upstream } = await begin(GET);
        upstream.send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${chunk('abc')}`);
        await peer.readHead();
        expect(await peer.readToEnd()).toBe(chunk('abc'));
        await upstream.untilEnd();
        await gateway.ended(1);
        expect(gateway.results).toMatchObject([{ status: 200, outcome: 'cut' }]);
      }
    });

    suite.rule('after 504 the client’s connection goes on, the instance’s does not, and nothing is sent twice', async ({ bench }) => {
      const { begin, instance, gateway } = await bench({ responseTimeoutMs: SOON_MS });
      const { peer, upstream } = await begin(GET);
      expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'upstream_timeout', status: 504 });
      await upstream.untilEnd();
      upstream.send(OK);
      peer.send(request('/next'));
      const second = await instance.connection();
      expect((await second.readMessage()).startLine).toBe('GET /next HTTP/1.1');
      second.send('HTTP/1.1 204 No Content\r\n\r\n');
      expect((await peer.readMessage()).status).toBe(204);
      expect(gateway.failures).toEqual([]);
    });

    suite.rule('an interim answer does not stop the clock of the answer', async ({ bench }) => {
      const { begin } = await bench({ responseTimeoutMs: SOON_MS });
      const { peer, upstream } = await begin(GET);
      await dripping(
        () => upstream.send('HTTP/1.1 100 Continue\r\n\r\n'),
        20,
        async () => {
          const answer = await peer.readMessage();
          expect([502, 504]).toContain(answer.status);
        },
      );
    });

    suite.rule('the clock of the answer starts when the request is whole', async ({ bench }) => {
      const { begin } = await bench({ responseTimeoutMs: SOON_MS });
      const { peer, upstream } = await begin(post('Transfer-Encoding: chunked\r\n', chunk('abc')));
      // Several times the timeout, always with a byte on its way.
      const until = Date.now() + 3 * SOON_MS;
      while (Date.now() < until) {
        peer.send(chunk('x'));
        await upstream.readBytes(chunk('x').length);
      }
      peer.send(LAST_CHUNK);
      expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'upstream_timeout', status: 504 });
    });

    suite.rule('502 upstream_connect_failed for an instance that never accepts; another is tried', async ({ bench, instance, later }) => {
      const stuck = await stuckListener();
      later(() => stuck.close());
      const alive = await instance('alive');
      const gone = await bench({ connectTimeoutMs: SOON_MS });
      gone.gateway.instances[0] = stuck.state;
      const peer = await gone.client();
      peer.send(GET);
      expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'upstream_connect_failed', status: 502 });
      gone.gateway.instances.push(alive.state);
      peer.send(GET);
      const upstream = await alive.connection();
      await upstream.readMessage();
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
    });

    suite.rule('a tunnel that rests for too long is closed on both sides', async ({ bench }) => {
      const { begin, gateway } = await bench({ tunnelIdleMs: SOON_MS });
      const { peer, upstream } = await begin(request('/ws', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
      upstream.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      await peer.readHead();
      await Promise.all([peer.untilEnd(), upstream.untilEnd()]);
      await gateway.ended(1);
      expect(gateway.running).toBe(0);
    });
  });
}
