import { networkInterfaces } from 'node:os';
import { plainAddress } from '../../../http/forwarded.js';
import { valuesOf } from '../raw-client.js';
import { GET, OK, problemOf } from './messages.js';
import type { Suite } from './suite.js';

const HAS_IPV6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

/** RFC 9112 §3.2 */
export function describeTargets(suite: Suite): void {
  describe('targets and addresses', () => {
    suite.rule('absolute form reaches the gateway as sent, and its authority is the Host of the instance', async ({ bench }) => {
      const { begin, gateway } = await bench();
      const { peer, upstream, head } = await begin('GET http://shop.example:8080/x?a=b HTTP/1.1\r\nHost: other.example\r\n\r\n');
      expect(gateway.heads[0]?.target).toBe('http://shop.example:8080/x?a=b');
      expect(head.startLine).toBe('GET /x?a=b HTTP/1.1');
      expect(valuesOf(head.headers, 'host')).toEqual(['shop.example:8080']);
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
    });

    suite.rule('OPTIONS * is passed as such', async ({ bench }) => {
      const { begin, gateway } = await bench();
      const { peer, upstream, head } = await begin('OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n');
      expect(gateway.heads[0]).toMatchObject({ method: 'OPTIONS', target: '*' });
      expect(head.startLine).toBe('OPTIONS * HTTP/1.1');
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
    });

    suite.rule('CONNECT is refused with 405 or 501, and nothing behind it is read', async ({ bench }) => {
      const { client, gateway, instance } = await bench();
      const peer = await client();
      peer.send(`CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n${GET}`);
      const refusal = await peer.readMessage();
      expect([405, 501]).toContain(refusal.status);
      expect(problemOf(refusal).status).toBe(refusal.status);
      expect(valuesOf(refusal.headers, 'content-type')).toEqual(['application/problem+json']);
      expect(await peer.readToEnd()).toBe('');
      expect(gateway.heads).toEqual([]);
      expect(instance.accepted).toBe(0);
    });

    const six = 'an instance with an IPv6 address';
    if (!HAS_IPV6) suite.cannot(six, 'no IPv6 on this machine');
    else
      suite.rule(six, async ({ bench, instance }) => {
        const { begin } = await bench({}, [await instance('six', '::1')]);
        const { peer, upstream } = await begin(GET);
        upstream.send(OK);
        expect((await peer.readMessage()).body.toString()).toBe('ok');
      });

    for (const [listen, dial, remoteAddress] of [
      ['::1', '::1', '::1'],
      ['::', '::1', '::1'],
      ['::', '127.0.0.1', '127.0.0.1'],
    ] as const) {
      const title = `listening on ${listen}, a client from ${remoteAddress}`;
      if (!HAS_IPV6) suite.cannot(title, 'no IPv6 on this machine');
      else
        suite.rule(title, async ({ bench }) => {
          const { begin, gateway } = await bench({}, undefined, { listen, dial });
          const { peer, upstream } = await begin('GET /x HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n');
          upstream.send(OK);
          expect((await peer.readMessage()).body.toString()).toBe('ok');
          expect(plainAddress(gateway.heads[0]?.remoteAddress ?? '')).toBe(remoteAddress);
        });
    }

    suite.rule('a method of one’s own is passed', async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream, head } = await begin('PURGE /x HTTP/1.1\r\nHost: h\r\n\r\n');
      expect(head.startLine).toBe('PURGE /x HTTP/1.1');
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
    });
  });
}
