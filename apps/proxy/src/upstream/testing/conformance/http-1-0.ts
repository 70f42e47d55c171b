import { valuesOf } from '../raw-client.js';
import { chunk, LAST_CHUNK, OK } from './messages.js';
import type { Suite } from './suite.js';

/** Clients that speak HTTP/1.0: RFC 9112 §2.3, §9.3, appendix C. */
export function describeHttp10(suite: Suite): void {
  describe('HTTP/1.0 clients', () => {
    suite.rule('an HTTP/1.0 client gets a body without chunks that ends with the connection', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send('GET /x HTTP/1.0\r\n\r\n');
      const upstream = await instance.connection();
      await upstream.readMessage();
      upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
      const answer = await peer.readMessage();
      expect(valuesOf(answer.headers, 'transfer-encoding')).toEqual([]);
      expect(answer.body.toString()).toBe('abc');
      await peer.untilEnd();
    });

    suite.rule('an HTTP/1.0 client without keep-alive is closed after its answer', async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream, head } = await begin('GET /x HTTP/1.0\r\n\r\n');
      expect(head.startLine).toBe('GET /x HTTP/1.1');
      expect(valuesOf(head.headers, 'host')).toHaveLength(1);
      upstream.send(OK);
      const ok = await peer.readMessage();
      expect(valuesOf(ok.headers, 'connection')).not.toContain('keep-alive');
      expect(ok.body.toString()).toBe('ok');
      await peer.untilEnd();
    });

    suite.rule('an HTTP/1.0 client with keep-alive keeps its connection as long as lengths are known', async ({ bench }) => {
      const { begin } = await bench();
      const bytes = 'GET /x HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n';
      const { peer, upstream } = await begin(bytes);
      upstream.send(OK);
      const first = await peer.readMessage();
      expect(valuesOf(first.headers, 'connection').map((value) => value.toLowerCase())).toEqual(['keep-alive']);
      expect(first.body.toString()).toBe('ok');
      peer.send(bytes);
      await upstream.readMessage();
      upstream.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk('abc')}${LAST_CHUNK}`);
      const second = await peer.readMessage();
      expect(valuesOf(second.headers, 'connection')).not.toContain('keep-alive');
      expect(second.body.toString()).toBe('abc');
      await peer.untilEnd();
    });

    suite.rule('an HTTP/1.0 client sees an interim answer never', async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream } = await begin('POST /x HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc');
      upstream.send(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`);
      expect((await peer.readMessage()).status).toBe(200);
    });

    suite.rule('an HTTP/1.0 client sees a cut answer of unknown length as a reset, not as its end', async ({ bench }) => {
      const { begin, gateway } = await bench();
      const { peer, upstream } = await begin('GET /x HTTP/1.0\r\n\r\n');
      upstream.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk('abc')}`);
      await peer.readHead();
      await peer.readBytes(3);
      upstream.reset();
      await peer.untilEnd();
      expect(peer.wasReset).toBe(true);
      await gateway.ended(1);
      expect(gateway.results).toMatchObject([{ status: 200, outcome: 'cut' }]);
    });

    suite.rule('an HTTP/1.0 client sees an answer that a stop cuts off as a reset, not as its end', async ({ bench }) => {
      const { begin, forwarder } = await bench();
      const { peer, upstream } = await begin('GET /x HTTP/1.0\r\n\r\n');
      upstream.send('HTTP/1.1 200 OK\r\n\r\nabc');
      await peer.readHead();
      await peer.readBytes(3);
      await forwarder.close(20);
      await peer.untilEnd();
      expect(peer.wasReset).toBe(true);
    });

    suite.rule(
      'an HTTP/1.0 client that has ended its side sees an answer that is given up as a reset, not as its end',
      async ({ bench }) => {
        const { client, instance, gateway } = await bench();
        const peer = await client();
        peer.socket.end('GET /x HTTP/1.0\r\n\r\n');
        const upstream = await instance.connection();
        await upstream.readMessage();
        upstream.send('HTTP/1.1 200 OK\r\n\r\nabc');
        await peer.readHead();
        await peer.readBytes(3);
        await peer.untilEnd();
        expect(peer.wasReset).toBe(true);
        await gateway.ended(1);
        expect(gateway.results).toMatchObject([{ status: 200, outcome: 'client_gone' }]);
      },
    );
  });
}
