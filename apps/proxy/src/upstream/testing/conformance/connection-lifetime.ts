import { valuesOf } from '../raw-client.js';
import { answer, GET, OK, post, request } from './messages.js';
import type { Suite } from './suite.js';

export function describeConnectionLifetime(suite: Suite): void {
  describe('connection lifetime', () => {
    suite.rule('keeps both connections alive from one request to the next', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send(GET);
      const upstream = await instance.connection();
      for (let round = 0; round < 3; round += 1) {
        await upstream.readMessage();
        upstream.send(OK);
        expect((await peer.readMessage()).status).toBe(200);
        if (round < 2) peer.send(GET);
      }
      expect(instance.accepted).toBe(1);
    });

    suite.rule('a client that says close is answered and closed', async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream, head } = await begin(request('/x', 'Connection: close\r\n') + GET);
      expect(valuesOf(head.headers, 'connection')).not.toContain('close');
      upstream.send(OK);
      const ok = await peer.readMessage();
      expect(valuesOf(ok.headers, 'connection')).toEqual(['close']);
      expect(await peer.readToEnd()).toBe('');
    });

    suite.rule(
      'an instance that says close, or speaks HTTP/1.0, is not used again, and the client’s connection stays',
      async ({ bench }) => {
        const { client, instance } = await bench();
        const peer = await client();
        const answers = [
          'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
          'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
        ];
        for (const bytes of answers) {
          peer.send(GET);
          const upstream = await instance.connection();
          await upstream.readMessage();
          upstream.send(bytes);
          const ok = await peer.readMessage();
          expect(ok.startLine).toBe('HTTP/1.1 200 OK');
          expect(valuesOf(ok.headers, 'connection')).not.toContain('close');
          await upstream.untilEnd();
        }
        expect(instance.accepted).toBe(2);
      },
    );

    suite.rule('a connection that the instance closes while it rests is not used again', async ({ bench }) => {
      const { begin, gateway, instance } = await bench();
      const { peer, upstream } = await begin(GET);
      upstream.send(OK);
      await peer.readMessage();
      upstream.socket.end();
      await upstream.untilEnd();
      peer.send(post('Content-Length: 3\r\n', 'abc'));
      const second = await instance.connection();
      await second.readMessage();
      second.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
      expect(gateway.failures).toEqual([]);
    });

    suite.rule('a connection is not kept for longer than its instance says that it keeps it', async ({ bench }) => {
      const { begin, instance } = await bench();
      const { peer, upstream } = await begin(GET);
      // A second less, so that no request meets a closing door: nothing is left of one.
      upstream.send('HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=1, max=100\r\nContent-Length: 2\r\n\r\nok');
      expect((await peer.readMessage()).status).toBe(200);
      await upstream.untilEnd();
      peer.send(GET);
      const second = await instance.connection();
      await second.readMessage();
      second.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
    });

    suite.rule('a client that ends its side still gets the answer to what it has asked', async ({ bench }) => {
      const { client, instance, gateway } = await bench();
      const peer = await client();
      peer.socket.end(GET);
      const upstream = await instance.connection();
      await upstream.readMessage();
      upstream.send(OK);
      expect((await peer.readMessage()).body.toString()).toBe('ok');
      await peer.untilEnd();
      await gateway.ended(1);
      expect(gateway.results).toMatchObject([{ status: 200, outcome: 'complete' }]);
    });

    suite.rule('a client that ends its side behind several requests gets all answers', async ({ bench }) => {
      const { client, instance, gateway } = await bench();
      void instance.serve(({ startLine, body }) => answer(`${startLine.split(' ')[1]}${body.toString()}`));
      const peer = await client();
      peer.socket.end(request('/a') + request('/b', 'Content-Length: 3\r\n', 'abc', 'POST') + request('/c'));
      for (const body of ['/a', '/babc', '/c']) expect((await peer.readMessage()).body.toString()).toBe(body);
      expect(await peer.readToEnd()).toBe('');
      await gateway.ended(3);
    });

    suite.rule('no more connections to an instance than allowed: requests wait for their turn', async ({ bench }) => {
      const { client, instance } = await bench({ connectionsPerInstance: 1 });
      const peers = [await client(), await client(), await client()];
      for (const [i, peer] of peers.entries()) peer.send(request(`/${i}`));
      const upstream = await instance.connection();
      for (const _ of peers) {
        const { startLine } = await upstream.readMessage();
        upstream.send(answer(startLine.slice(4, 6)));
      }
      for (const [i, peer] of peers.entries()) expect((await peer.readMessage()).body.toString()).toBe(`/${i}`);
      expect(instance.accepted).toBe(1);
    });
  });
}
