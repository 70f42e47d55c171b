import { type RawPeer, valuesOf } from '../raw-client.js';
import { answer, GET, OK, problemOf, request } from './messages.js';
import type { Suite } from './suite.js';

/** Of what there may be how much at once. */
export function describeLimits(suite: Suite): void {
  describe('limits', () => {
    suite.rule('503 overloaded with Retry-After, at once, for what has no place to wait; what waits is served', async ({ bench }) => {
      const { begin, client, gateway } = await bench({ connectionsPerInstance: 1, queuePerInstance: 2, queueTimeoutMs: 60_000 });
      const { peer, upstream } = await begin(GET);
      const waiting = [await client(), await client()];
      for (const [i, one] of waiting.entries()) one.send(request(`/${i}`));
      await gateway.opened(3);
      const surplus = await client();
      surplus.send(GET);
      const refused = await surplus.readMessage();
      expect(problemOf(refused)).toMatchObject({ code: 'overloaded', status: 503 });
      expect(valuesOf(refused.headers, 'retry-after')).toEqual(['1']);
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
      for (const [i, one] of waiting.entries()) {
        expect((await upstream.readMessage()).startLine).toBe(`GET /${i} HTTP/1.1`);
        upstream.send(answer(`${i}`));
        expect((await one.readMessage()).body.toString()).toBe(`${i}`);
      }
      expect(gateway.failures).toEqual([]);
    });

    suite.rule('503 overloaded for what has waited too long, and it is not tried elsewhere', async ({ bench }) => {
      const { begin, client, gateway } = await bench({ connectionsPerInstance: 1, queueTimeoutMs: 100, connectTimeoutMs: 60_000 });
      const { peer, upstream } = await begin(GET);
      const late = await client();
      late.send(GET);
      const refused = await late.readMessage();
      expect(problemOf(refused)).toMatchObject({ code: 'overloaded', status: 503 });
      expect(valuesOf(refused.headers, 'retry-after')).toEqual(['1']);
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
      expect(gateway.failures).toEqual([]);
    });

    suite.rule('a request that is tried again on another instance counts among its connections', async ({ bench, instance }) => {
      const [first, second] = [await instance('a'), await instance('b')];
      const { client, gateway } = await bench({ connectionsPerInstance: 1, queueTimeoutMs: 60_000 }, [first, second]);
      // Each of the two has one connection that rests.
      const kept: RawPeer[] = [];
      for (const one of [second, first]) {
        gateway.instances[0] = one.state;
        const peer = await client();
        peer.send(GET);
        const upstream = await one.connection();
        await upstream.readMessage();
        upstream.send(OK);
        await peer.readMessage();
        kept.push(upstream);
      }
      const [, stale] = kept as [RawPeer, RawPeer];
      const peer = await client();
      peer.send(GET);
      await stale.readMessage();
      stale.reset();
      const fresh = await second.connection();
      await fresh.readMessage();
      gateway.instances[0] = second.state;
      const next = await client();
      next.send(request('/next'));
      await gateway.opened(4);
      fresh.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
      expect((await fresh.readMessage()).startLine).toBe('GET /next HTTP/1.1');
      fresh.send(OK);
      expect((await next.readMessage()).status).toBe(200);
      expect(second.accepted).toBe(2);
    });

    suite.rule('the time to connect begins when there is a place to connect', async ({ bench }) => {
      const { begin, client } = await bench({ connectionsPerInstance: 1, queueTimeoutMs: 60_000, connectTimeoutMs: 500 });
      const { peer, upstream } = await begin(GET);
      const waiting = await client();
      waiting.send(request('/next'));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
      await upstream.readMessage();
      upstream.send(OK);
      expect((await waiting.readMessage()).status).toBe(200);
    });

    suite.rule('a client that gives up makes its place free', async ({ bench }) => {
      const { begin, client, gateway } = await bench({ connectionsPerInstance: 1, queuePerInstance: 1, queueTimeoutMs: 60_000 });
      const { upstream } = await begin(GET);
      const fickle = await client();
      fickle.send(request('/never'));
      await gateway.opened(2);
      fickle.reset();
      await gateway.ended(1);
      const next = await client();
      next.send(request('/next'));
      await gateway.opened(3);
      upstream.send(OK);
      expect((await upstream.readMessage()).startLine).toBe('GET /next HTTP/1.1');
      upstream.send(OK);
      expect((await next.readMessage()).status).toBe(200);
    });

    suite.rule('a client too many is closed at once, the others do not notice', async ({ bench }) => {
      const { client, instance } = await bench({ clientConnections: 2 });
      void instance.serve(() => OK);
      const [first, second] = [await client(), await client()];
      for (const peer of [first, second]) {
        peer.send(GET);
        expect((await peer.readMessage()).status).toBe(200);
      }
      const third = await client();
      expect(await third.readToEnd()).toBe('');
      first.close();
      second.send(GET);
      expect((await second.readMessage()).status).toBe(200);
    });
  });
}
