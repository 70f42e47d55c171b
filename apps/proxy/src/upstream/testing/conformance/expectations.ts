import { valuesOf } from '../raw-client.js';
import { OK } from './messages.js';
import type { Suite } from './suite.js';

export function describeExpectations(suite: Suite): void {
  describe('expectations and early answers', () => {
    suite.rule('Expect: 100-continue is decided by the instance', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send('PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
      const upstream = await instance.connection();
      expect(valuesOf((await upstream.readHead()).headers, 'expect')).toEqual(['100-continue']);
      upstream.send('HTTP/1.1 100 Continue\r\n\r\n');
      expect((await peer.readHead()).status).toBe(100);
      peer.send('abc');
      expect((await upstream.readBytes(3)).toString()).toBe('abc');
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
    });

    suite.rule('a final answer instead of 100 closes the connection, since the body may or may not follow', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send('PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
      const upstream = await instance.connection();
      await upstream.readHead();
      upstream.send('HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n');
      const answer = await peer.readMessage();
      expect(answer.status).toBe(401);
      expect(valuesOf(answer.headers, 'connection')).toEqual(['close']);
      await peer.untilEnd();
    });

    suite.rule('an early answer to an unfinished upload arrives', async ({ bench }) => {
      const { client, instance, gateway } = await bench();
      const peer = await client();
      peer.send('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc');
      const upstream = await instance.connection();
      await upstream.readHead();
      upstream.send('HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno');
      expect((await peer.readMessage()).body.toString()).toBe('no');
      await gateway.ended(1);
      await upstream.untilEnd();
    });
  });
}
