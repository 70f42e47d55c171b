import { RawPeer, valuesOf } from '../raw-client.js';
import { GET, OK, request } from './messages.js';
import type { Suite } from './suite.js';

export function describeLeaving(suite: Suite): void {
  describe('leaving', () => {
    suite.rule('close lets a running request finish, ends its connection and accepts no other', async ({ bench }) => {
      const { client, instance, forwarder, port } = await bench();
      const peer = await client();
      const idle = await client();
      peer.send(GET);
      const upstream = await instance.connection();
      await upstream.readMessage();
      const closed = forwarder.close(5_000);
      await idle.untilEnd();
      await expect(RawPeer.connect(port)).rejects.toThrow('ECONNREFUSED');
      upstream.send(OK);
      const answer = await peer.readMessage();
      expect(answer.body.toString()).toBe('ok');
      expect(valuesOf(answer.headers, 'connection')).toEqual(['close']);
      await closed;
    });

    suite.rule(
      'at first a stop only says goodbye: kept and new connections are answered once more, then the idle ones are closed',
      async ({ bench }) => {
        const { client, forwarder, instance, port } = await bench({ lameDuckMs: 2_000 });
        void instance.serve(() => OK);
        const [kept, silent] = [await client(), await client()];
        kept.send(GET);
        await kept.readMessage();
        const closed = forwarder.close(10_000);
        for (const peer of [kept, await client()]) {
          peer.send(GET);
          const answer = await peer.readMessage();
          expect([answer.body.toString(), valuesOf(answer.headers, 'connection')]).toEqual(['ok', ['close']]);
          expect(await peer.readToEnd()).toBe('');
        }
        expect(await silent.readToEnd()).toBe('');
        await closed;
        await expect(RawPeer.connect(port)).rejects.toThrow('ECONNREFUSED');
      },
    );

    suite.rule('a stop waits for nobody when nobody is connected, or the last one goes', async ({ bench }) => {
      const { client, forwarder } = await bench({ lameDuckMs: 600_000 });
      const peer = await client();
      const closed = forwarder.close(600_000);
      peer.close();
      await closed;
      const { forwarder: unused } = await bench({ lameDuckMs: 600_000 });
      await unused.close(600_000);
    });

    suite.rule('close cuts off what exceeds the grace time, tunnels included', async ({ bench }) => {
      const { begin, forwarder, gateway } = await bench({ lameDuckMs: 600_000 });
      const { peer } = await begin(GET);
      const tunnel = await begin(request('/ws', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
      tunnel.upstream.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      await tunnel.peer.readHead();
      await forwarder.close(20);
      await Promise.all([peer.untilEnd(), tunnel.peer.untilEnd(), tunnel.upstream.untilEnd()]);
      expect(gateway.running).toBe(0);
    });

    suite.rule('an instance that leaves finishes what it has; its idle connections are closed at once', async ({ bench }) => {
      const { client, instance, forwarder } = await bench();
      const [busyClient, idleClient] = [await client(), await client()];
      busyClient.send(GET);
      const busy = await instance.connection();
      await busy.readMessage();
      idleClient.send(GET);
      const idle = await instance.connection();
      await idle.readMessage();
      idle.send(OK);
      await idleClient.readMessage();
      instance.state.leaving = true;
      forwarder.release(instance.state);
      await idle.untilEnd();
      busy.send(OK);
      expect((await busyClient.readMessage()).body.toString()).toBe('ok');
      await busy.untilEnd();
    });

    suite.rule('what waits for a connection to an instance that leaves is served by it all the same', async ({ bench }) => {
      const { begin, client, instance, forwarder, gateway } = await bench({ connectionsPerInstance: 1, queueTimeoutMs: 60_000 });
      const { peer, upstream } = await begin(GET);
      const waiting = await client();
      waiting.send(request('/waiting'));
      await gateway.opened(2);
      instance.state.leaving = true;
      forwarder.release(instance.state);
      upstream.send('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
      expect((await peer.readMessage()).status).toBe(200);
      const second = await instance.connection();
      expect((await second.readMessage()).startLine).toBe('GET /waiting HTTP/1.1');
      second.send(OK);
      expect((await waiting.readMessage()).status).toBe(200);
      await Promise.all([upstream.untilEnd(), second.untilEnd()]);
    });
  });
}
