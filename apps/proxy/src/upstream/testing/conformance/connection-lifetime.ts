import { valuesOf } from '../raw-client.js';
import { GET, OK } from './messages.js';
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

    suite.rule('answers pipelined requests in order', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      // A forwarder may send both at once, on two connections; only the order of the answers counts. The second is answered first if it can be.
      void instance.serve((request) => `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${request.startLine.slice(4, 6)}`);
      peer.send(GET + GET.replace('/x', '/y'));
      for (const path of ['/x', '/y']) expect((await peer.readMessage()).body.toString()).toBe(path);
    });

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

    suite.rule('a broken pipelined request does not disturb the answer before it', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send(`${GET}BROKEN\r\n\r\n`);
      const upstream = await instance.connection();
      await upstream.readMessage();
      upstream.send(OK);
      expect((await peer.readMessage()).body.toString()).toBe('ok');
      await peer.untilEnd();
    });
  });
}
