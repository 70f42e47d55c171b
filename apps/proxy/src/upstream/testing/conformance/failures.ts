import { valuesOf } from '../raw-client.js';
import { chunk, GET, LAST_CHUNK, OK, post, problemOf, request } from './messages.js';
import type { Suite } from './suite.js';

const LARGE = 'The quick brown fox. '.repeat(100_000);

export function describeFailures(suite: Suite): void {
  describe('failures of instances', () => {
    suite.rule('502 upstream_connect_failed when nobody listens', async ({ bench, instance }) => {
      const dead = await instance();
      await dead.stopAccepting();
      const { client, gateway } = await bench({}, [dead]);
      const peer = await client();
      peer.send(GET);
      const answer = await peer.readMessage();
      expect(answer.status).toBe(502);
      expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'upstream_connect_failed', status: 502 });
      expect(valuesOf(answer.headers, 'content-type')).toEqual(['application/problem+json']);
      expect(valuesOf(answer.headers, 'x-request-id')).toEqual(['id-1']);
      expect(gateway.failures).toEqual(['connect_failed']);
    });

    suite.rule('a failed connect is tried on another instance, the body untouched', async ({ bench, instance }) => {
      const dead = await instance('dead');
      await dead.stopAccepting();
      const alive = await instance('alive');
      const { client } = await bench({}, [dead, alive]);
      const peer = await client();
      peer.send('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc');
      const upstream = await alive.connection();
      expect((await upstream.readMessage()).body.toString()).toBe('abc');
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
    });

    suite.rule('a kept connection that the instance closes at the moment of its reuse is not the client’s problem', async ({ bench }) => {
      const { client, instance, gateway } = await bench();
      const peer = await client();
      peer.send(GET);
      const first = await instance.connection();
      await first.readMessage();
      first.send(OK);
      await peer.readMessage();
      peer.send(GET);
      await first.readMessage();
      first.reset();
      const second = await instance.connection();
      await second.readMessage();
      second.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
      expect(gateway.failures).toEqual(['stale_connection']);
    });

    suite.rule('502 upstream_reset when the instance resets before an answer; a POST is never sent twice', async ({ bench }) => {
      const { client, instance, gateway } = await bench();
      const peer = await client();
      peer.send('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc');
      const upstream = await instance.connection();
      await upstream.readMessage();
      upstream.reset();
      const answer = await peer.readMessage();
      expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'upstream_reset', status: 502 });
      expect(gateway.failures).toEqual([]);
      expect(instance.accepted).toBe(1);
    });

    suite.rule('504 upstream_timeout when the instance does not answer', async ({ bench }) => {
      const { client, instance } = await bench({ responseTimeoutMs: 50 });
      const peer = await client();
      peer.send(GET);
      const upstream = await instance.connection();
      const answer = await peer.readMessage();
      expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'upstream_timeout', status: 504 });
      await upstream.untilEnd();
    });

    suite.rule(
      'a request without a body that is reset goes to another instance, once, and is then given up',
      async ({ bench, instance }) => {
        const [first, second, third] = [await instance('a'), await instance('b'), await instance('c')];
        const { client, gateway } = await bench({}, [first, second, third]);
        const peer = await client();
        peer.send(GET);
        for (const one of [first, second]) {
          const upstream = await one.connection();
          await upstream.readMessage();
          upstream.reset();
        }
        expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'upstream_reset', status: 502 });
        await gateway.ended(1);
        expect([first.accepted, second.accepted, third.accepted]).toEqual([1, 1, 0]);
        expect(gateway.failures).toEqual(['reset']);
        expect(gateway.results).toMatchObject([{ status: 502, outcome: 'complete' }]);
      },
    );

    for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']) {
      suite.rule(
        `before any byte of an answer, whether reset or ended politely, it is tried elsewhere: ${method}`,
        async ({ bench, instance }) => {
          for (const leave of ['reset', 'end'] as const) {
            const [first, second] = [await instance('a'), await instance('b')];
            const { client, gateway } = await bench({}, [first, second]);
            const peer = await client();
            peer.send(request('/x', '', '', method));
            const failing = await first.connection();
            await failing.readHead();
            if (leave === 'reset') failing.reset();
            else failing.socket.end();
            const upstream = await second.connection();
            expect((await upstream.readHead()).startLine).toBe(`${method} /x HTTP/1.1`);
            upstream.send('HTTP/1.1 204 No Content\r\n\r\n');
            expect((await peer.readMessage({ bodyless: true })).status).toBe(204);
            expect(gateway.failures).toEqual(['reset']);
          }
        },
      );
    }

    for (const [kind, fields, content] of [
      ['a length', `Content-Length: ${LARGE.length}\r\n`, LARGE],
      ['chunks', 'Transfer-Encoding: chunked\r\n', chunk(LARGE) + LAST_CHUNK],
    ] as const) {
      suite.rule(`a failed connect leaves a large body whole for the next instance: ${kind}`, async ({ bench, instance }) => {
        const dead = await instance('dead');
        await dead.stopAccepting();
        const alive = await instance('alive');
        const { client } = await bench({}, [dead, alive]);
        const peer = await client();
        peer.send(post(fields, content));
        const upstream = await alive.connection();
        expect((await upstream.readMessage()).body.toString() === LARGE).toBe(true);
        upstream.send(OK);
        expect((await peer.readMessage()).status).toBe(200);
      });
    }

    suite.rule('a failed connect is tried once more, not twice', async ({ bench, instance }) => {
      const [first, second, third] = [await instance('a'), await instance('b'), await instance('c')];
      for (const one of [first, second]) await one.stopAccepting();
      const { client, gateway } = await bench({}, [first, second, third]);
      const peer = await client();
      peer.send(GET);
      expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'upstream_connect_failed', status: 502 });
      expect([gateway.failures, third.accepted]).toEqual([['connect_failed'], 0]);
    });

    for (const [title, bytes] of [
      ['a POST', 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n'],
      ['a PUT whose body has been read', 'PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc'],
      ['a method that nobody knows to be idempotent', 'MKCALENDAR /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n'],
    ] as const) {
      suite.rule(`a kept connection that breaks under it is not reason enough to send it twice: ${title}`, async ({ bench }) => {
        const { begin, instance, gateway } = await bench();
        const { peer, upstream } = await begin(GET);
        upstream.send(OK);
        await peer.readMessage();
        peer.send(bytes);
        await upstream.readMessage();
        upstream.reset();
        expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'upstream_reset', status: 502 });
        expect(gateway.failures).toEqual([]);
        expect(instance.accepted).toBe(1);
      });
    }

    suite.rule('an instance that has begun to answer is not asked again', async ({ bench }) => {
      const { begin, instance, gateway } = await bench();
      const { peer, upstream } = await begin(GET);
      upstream.socket.end('HTTP/1.1 200 OK\r\nX-Half: ');
      expect((await peer.readMessage()).status).toBe(502);
      await gateway.ended(1);
      expect(gateway.failures).toEqual([]);
      expect(instance.accepted).toBe(1);
    });

    suite.rule('the answer to HEAD that the proxy makes has no body, and the connection goes on', async ({ bench, instance }) => {
      const dead = await instance('dead');
      await dead.stopAccepting();
      const { client } = await bench({}, [dead]);
      const peer = await client();
      for (let round = 0; round < 2; round += 1) {
        peer.send('HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n');
        expect((await peer.readMessage({ bodyless: true })).status).toBe(502);
        expect(peer.received).toBe('');
      }
    });
  });
}
