import { chunk, countAnswers, GET, LAST_CHUNK, OK, post, request } from './messages.js';
import type { Suite } from './suite.js';

const EARLY = 'HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno';

/** The instance answers before the request is over: RFC 9112 §9.3, RFC 9110 §7.5. */
export function describeEarlyAnswers(suite: Suite): void {
  describe('early answers', () => {
    for (const [kind, head, rest] of [
      ['a length', `Content-Length: ${3 + request('/smuggled').length}\r\n`, request('/smuggled')],
      ['chunks', 'Transfer-Encoding: chunked\r\n', chunk(request('/smuggled')) + LAST_CHUNK],
    ] as const) {
      suite.rule(`the rest of a body that was answered early is never taken for a request: ${kind}`, async ({ bench }) => {
        const { begin, instance, gateway, client } = await bench();
        const { peer, upstream } = await begin(post(head, kind === 'chunks' ? chunk('abc') : 'abc'));
        upstream.send(EARLY);
        expect((await peer.readMessage()).body.toString()).toBe('no');
        peer.send(rest);
        peer.socket.end();
        expect(countAnswers(await peer.readToEnd())).toBe(0);
        await gateway.ended(1);
        expect(gateway.results).toMatchObject([{ status: 403, outcome: 'complete' }]);
        // The instance's connection, which is owed the rest of a body, is not given to anybody else.
        const other = await client();
        other.send(GET);
        const second = await instance.connection();
        await second.readMessage();
        second.send(OK);
        expect((await other.readMessage()).status).toBe(200);
        expect(upstream.received).not.toContain('GET /x');
        expect(gateway.heads.map(({ target }) => target)).toEqual(['/x', '/x']);
      });
    }

    suite.rule('the head of an upload does not wait for its body, and may be answered alone', async ({ bench }) => {
      for (const head of ['Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n']) {
        const { begin } = await bench();
        const { peer, upstream } = await begin(post(head));
        upstream.send(EARLY);
        expect((await peer.readMessage()).body.toString()).toBe('no');
      }
    });

    suite.rule('an early answer whose instance goes on to reset still arrives whole', async ({ bench }) => {
      const { begin, gateway } = await bench();
      const { peer, upstream } = await begin(post('Content-Length: 10000000\r\n', 'abc'));
      upstream.send(EARLY);
      expect((await peer.readMessage()).status).toBe(403);
      upstream.reset();
      await gateway.ended(1);
      expect(gateway.results).toMatchObject([{ status: 403, outcome: 'complete' }]);
    });

    suite.rule('a long early answer goes on while the body is still coming', async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream } = await begin(post('Transfer-Encoding: chunked\r\n', chunk('1')));
      await upstream.readBytes(chunk('1').length);
      upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      await peer.readHead();
      for (const piece of ['2', '3', '4']) {
        upstream.send(chunk(`<${piece}`));
        expect((await peer.readBytes(chunk(`<${piece}`).length)).toString()).toBe(chunk(`<${piece}`));
        peer.send(chunk(piece));
        expect((await upstream.readBytes(chunk(piece).length)).toString()).toBe(chunk(piece));
      }
    });
  });
}
