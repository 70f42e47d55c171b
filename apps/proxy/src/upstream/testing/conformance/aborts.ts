import { GET } from './messages.js';
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
      expect(gateway.results).toEqual([{ status: 0, outcome: 'client_gone' }]);
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
        expect(gateway.results).toEqual([{ status: 200, outcome: 'cut' }]);
      }
    });
  });
}
