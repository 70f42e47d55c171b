import { LAST_CHUNK, OK, post } from './conformance/messages.js';
import type { Deviation } from './conformance/suite.js';

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
];
