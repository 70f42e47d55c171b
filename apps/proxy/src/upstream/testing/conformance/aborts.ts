import { GET, OK, request } from './messages.js';
import type { Suite } from './suite.js';

export function describeAborts(suite: Suite): void {
  describe('aborts', () => {
    suite.rule('the client goes away: the request at the instance is ended, and counted once', async ({ bench }) => {
      const { client, instance, gateway } = await bench();
      const peer = await client();
      peer.send(GET);
      const upstream = await instance.connection();
      await upstream.readMessage();
      peer.close();
      await upstream.untilEnd();
      await gateway.ended(1);
      expect(gateway.results).toMatchObject([{ status: 0, outcome: 'client_gone' }]);
      expect(gateway.running).toBe(0);
    });

    suite.rule('the client goes away in the middle of a download or an upload: the instance’s connection is closed', async ({ bench }) => {
      for (const upload of [false, true]) {
        const { client, instance, gateway } = await bench();
        const peer = await client();
        peer.send(upload ? 'PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc' : GET);
        const upstream = await instance.connection();
        await upstream.readHead();
        if (upload) await upstream.readBytes(3);
        else {
          upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc');
          await peer.readHead();
        }
        peer.reset();
        await upstream.untilEnd();
        await gateway.ended(1);
        expect(gateway.results[0]?.outcome).toBe('client_gone');
      }
    });

    suite.rule('a reset in the middle of the answer never looks like its end', async ({ bench }) => {
      for (const head of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
        const { client, instance, gateway } = await bench();
        const peer = await client();
        peer.send(GET);
        const upstream = await instance.connection();
        await upstream.readMessage();
        upstream.send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n3\r\nabc\r\n`);
        await peer.readHead();
        upstream.reset();
        await peer.untilEnd();
        expect(peer.received).not.toContain('0\r\n\r\n');
        await gateway.ended(1);
        expect(gateway.results).toMatchObject([{ status: 200, outcome: 'cut' }]);
      }
    });

    suite.rule('the client goes away before its head is whole: nobody hears of it', async ({ bench }) => {
      const { client, begin, gateway } = await bench();
      for (const leave of ['close', 'reset'] as const) {
        const peer = await client();
        peer.send('GET /gone HTTP/1.1\r\nHost: h\r\n');
        peer[leave]();
        const { peer: other, upstream } = await begin(request(`/after-${leave}`));
        upstream.send('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
        expect((await other.readMessage()).status).toBe(200);
      }
      expect(gateway.heads.map(({ target }) => target)).toEqual(['/after-close', '/after-reset']);
    });

    suite.rule('the client goes away while its request waits for a connection: it is never sent', async ({ bench }) => {
      const { client, begin, instance, gateway } = await bench({ connectionsPerInstance: 1 });
      const { peer, upstream } = await begin(GET);
      const waiting = await client();
      waiting.send(request('/gone'));
      await gateway.opened(2);
      waiting.reset();
      await gateway.ended(1);
      expect(gateway.results).toMatchObject([{ status: 0, outcome: 'client_gone' }]);
      upstream.send(OK);
      await peer.readMessage();
      peer.send(request('/next'));
      expect((await upstream.readMessage()).startLine).toBe('GET /next HTTP/1.1');
      expect(instance.received).not.toContain('/gone');
      expect(instance.accepted).toBe(1);
    });

    suite.rule('a client that goes away with pipelined requests open ends them all', async ({ bench }) => {
      const { begin, instance, gateway } = await bench();
      const { peer, upstream } = await begin(GET.repeat(5));
      peer.reset();
      await upstream.untilEnd();
      await gateway.ended(gateway.heads.length);
      expect(gateway.running).toBe(0);
      expect(gateway.results.every(({ outcome }) => outcome === 'client_gone')).toBe(true);
      expect(instance.accepted).toBeLessThanOrEqual(5);
    });

    suite.rule('a polite end in the middle of the answer never looks like its end', async ({ bench }) => {
      for (const head of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
        const { begin, gateway } = await bench();
        const { peer, upstream } = await begin(GET);
        upstream.send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n3\r\nabc\r\n`);
        await peer.readHead();
        upstream.socket.end();
        const received = await peer.readToEnd();
        expect(received).toBe('3\r\nabc\r\n');
        await gateway.ended(1);
        expect(gateway.results).toMatchObject([{ status: 200, outcome: 'cut' }]);
      }
    });

    suite.rule('a reset never looks like the end of an answer that ends with its connection', async ({ bench }) => {
      const { begin, gateway } = await bench();
      const { peer, upstream } = await begin(GET);
      upstream.send('HTTP/1.1 200 OK\r\n\r\nabc');
      await peer.readHead();
      upstream.reset();
      const received = await peer.readToEnd();
      expect(received).not.toContain('0\r\n\r\n');
      expect(received.startsWith('3\r\n') || peer.wasReset).toBe(true);
      await gateway.ended(1);
      expect(gateway.results).toMatchObject([{ status: 200, outcome: 'cut' }]);
    });
  });
}
