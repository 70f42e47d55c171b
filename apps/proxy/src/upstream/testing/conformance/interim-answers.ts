import { valuesOf } from '../raw-client.js';
import { GET, OK, post } from './messages.js';
import type { Suite } from './suite.js';

const EXPECTING = post('Content-Length: 3\r\nExpect: 100-continue\r\n');

/** RFC 9110 §10.1.1, §15.2 */
export function describeInterimAnswers(suite: Suite): void {
  describe('interim answers', () => {
    suite.rule('after 100 and the body the connections are as good as ever', async ({ bench }) => {
      const { begin, instance } = await bench();
      const { peer, upstream } = await begin(EXPECTING);
      for (let round = 0; round < 2; round += 1) {
        if (round > 0) {
          peer.send(EXPECTING);
          await upstream.readHead();
        }
        upstream.send('HTTP/1.1 100 Continue\r\n\r\n');
        expect((await peer.readHead()).startLine).toBe('HTTP/1.1 100 Continue');
        peer.send('abc');
        expect((await upstream.readBytes(3)).toString()).toBe('abc');
        upstream.send(OK);
        expect((await peer.readMessage()).status).toBe(200);
      }
      expect(instance.accepted).toBe(1);
    });

    suite.rule('a client that does not wait for 100 loses nothing', async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream } = await begin(`${EXPECTING}abc`);
      expect((await upstream.readBytes(3)).toString()).toBe('abc');
      upstream.send(`HTTP/1.1 100 Continue\r\n\r\n${OK}`);
      let last = await peer.readMessage();
      if (last.status === 100) last = await peer.readMessage();
      expect(last.status).toBe(200);
    });

    suite.rule('an instance that says 417 is heard', async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream } = await begin(EXPECTING);
      upstream.send('HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno');
      const last = await peer.readMessage();
      expect(last.status).toBe(417);
      expect(last.body.toString()).toBe('no');
      await peer.untilEnd();
    });

    suite.rule('417 for an expectation that nobody knows', async ({ bench }) => {
      const { client, gateway } = await bench();
      const peer = await client();
      peer.send(post('Content-Length: 3\r\nExpect: 200-ok\r\n', 'abc'));
      const refusal = await peer.readMessage();
      expect(refusal.status).toBe(417);
      expect(valuesOf(refusal.headers, 'content-type')).toEqual(['application/problem+json']);
      await peer.untilEnd();
      expect(gateway.running).toBe(0);
    });

    suite.rule('a refused request that expects 100 never gets it', async ({ bench }) => {
      const { client } = await bench();
      const peer = await client();
      peer.send('POST /refused HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
      expect((await peer.readMessage()).status).toBe(404);
      await peer.untilEnd();
    });

    suite.rule('100 that the client did not ask for is swallowed', async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream } = await begin(GET);
      upstream.send(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${OK}`);
      expect((await peer.readMessage()).status).toBe(200);
    });

    suite.rule('103 Early Hints is passed on, before the answer', async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream } = await begin(GET);
      upstream.send('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n');
      const hints = await peer.readHead();
      expect(hints.startLine).toBe('HTTP/1.1 103 Early Hints');
      expect(valuesOf(hints.headers, 'link')).toEqual(['</a.css>; rel=preload']);
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
    });

    suite.rule('an interim answer does not stand for the answer: the instance that breaks off after it has failed', async ({ bench }) => {
      const { begin, gateway } = await bench();
      const { peer, upstream } = await begin(post('Content-Length: 0\r\n'));
      upstream.send('HTTP/1.1 102 Processing\r\n\r\n');
      upstream.socket.end();
      let last = await peer.readHead();
      if (last.status === 102) last = await peer.readHead();
      expect(last.status).toBe(502);
      await gateway.ended(1);
      expect(gateway.results).toMatchObject([{ status: 502, outcome: 'complete' }]);
    });
  });
}
