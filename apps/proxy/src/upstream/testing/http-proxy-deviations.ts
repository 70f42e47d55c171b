import { countAnswers, GET, LAST_CHUNK, OK, post, request } from './conformance/messages.js';
import type { Deviation } from './conformance/suite.js';
import { valuesOf } from './raw-client.js';

/** What Node's own parser, server and client do not let the http-proxy forwarder do. */
export const HTTP_PROXY_DEVIATIONS: readonly Deviation[] = [
  {
    rule: '§7.1 the instance never sees it whole, nor what follows: extensions without limit',
    reason: "Node's parser bounds the extensions of a chunk, not of a body",
    instead: async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send(post('Transfer-Encoding: chunked\r\n', `1;${'a'.repeat(200)}\r\nx\r\n`.repeat(200) + LAST_CHUNK));
      const upstream = await instance.connection();
      expect((await upstream.readMessage()).body.toString()).toBe('x'.repeat(200));
      expect(instance.received).not.toContain(';a');
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
    },
  },
  {
    rule: 'exactly the limit passes, one byte more is 431: a head with spaces around its values',
    reason: "Node's parser drops them, so that one behind each colon is counted, whatever there is",
    instead: async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream, head } = await begin(request('/x', `X-A: ${' '.repeat(17_000)}b\r\n`));
      expect(valuesOf(head.headers, 'x-a')).toEqual(['b']);
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
    },
  },
  {
    rule: 'a client that ends its side still gets the answer to what it has asked',
    reason: "Node's server ends a connection whose client has ended its side",
    instead: async ({ bench }) => {
      const { client, instance, gateway } = await bench();
      const peer = await client();
      peer.socket.end(GET);
      const upstream = await instance.connection();
      await upstream.untilEnd();
      expect(await peer.readToEnd()).toBe('');
      await gateway.ended(1);
      expect(gateway.results).toMatchObject([{ status: 0, outcome: 'client_gone' }]);
    },
  },
  {
    rule: 'a client that ends its side behind several requests gets all answers',
    reason: "Node's server ends a connection whose client has ended its side",
    instead: async ({ bench }) => {
      const { client, instance, gateway } = await bench();
      void instance.serve(() => OK);
      const peer = await client();
      peer.socket.end(GET.repeat(3));
      expect(countAnswers(await peer.readToEnd())).toBeLessThanOrEqual(3);
      await gateway.ended(gateway.heads.length);
      expect(gateway.running).toBe(0);
    },
  },
  {
    rule: 'an HTTP/1.0 client that has ended its side sees an answer that is given up as a reset, not as its end',
    reason: "Node's server ends a connection whose client has ended its side",
    instead: async ({ bench }) => {
      const { client, gateway } = await bench();
      const peer = await client();
      peer.socket.end('GET /x HTTP/1.0\r\n\r\n');
      expect(await peer.readToEnd()).toBe('');
      await gateway.ended(1);
      expect(gateway.results).toMatchObject([{ status: 0, outcome: 'client_gone' }]);
    },
  },
  {
    rule: 'a request that is tried again on another instance counts among its connections',
    reason: "Node's agent gives no fresh connection while it has kept ones: the second attempt opens one beside it",
    instead: async ({ bench, instance }) => {
      const [first, second] = [await instance('a'), await instance('b')];
      const { client } = await bench({ connectionsPerInstance: 1, instanceIdleMs: 200 }, [first, second]);
      const peer = await client();
      peer.send(GET);
      (await first.connection()).reset();
      const upstream = await second.connection();
      await upstream.readMessage();
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
      await upstream.untilEnd();
    },
  },
  {
    rule: '103 Early Hints is passed on, before the answer',
    reason: "Node's server writes no interim answer with the fields of another",
    instead: async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream } = await begin(GET);
      upstream.send(`HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n${OK}`);
      expect((await peer.readMessage()).status).toBe(200);
    },
  },
  {
    rule: 'a protocol of one’s own can be switched to',
    reason: 'http-proxy joins sockets for WebSocket only',
    instead: async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream, head } = await begin(request('/x', 'Connection: Upgrade\r\nUpgrade: chatter/2\r\n'));
      expect(valuesOf(head.headers, 'upgrade')).toEqual([]);
      upstream.send(OK);
      expect((await peer.readMessage()).body.toString()).toBe('ok');
      await peer.untilEnd();
    },
  },
];
