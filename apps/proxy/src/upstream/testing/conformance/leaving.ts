import { RawPeer, valuesOf } from '../raw-client.js';
import { GET, OK } from './messages.js';
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

    suite.rule('close cuts off what exceeds the grace time, tunnels included', async ({ bench }) => {
      const { client, instance, forwarder, gateway } = await bench();
      const peer = await client();
      peer.send(GET);
      await (await instance.connection()).readMessage();
      await forwarder.close(20);
      await peer.untilEnd();
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
  });
}
