import { setImmediate as turn } from 'node:timers/promises';
import { answer, chunk, GET, LAST_CHUNK, OK, request } from './messages.js';
import type { Suite } from './suite.js';

export function describePipelining(suite: Suite): void {
  describe('pipelining', () => {
    suite.rule('answers pipelined requests in order', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      // A forwarder may send both at once, on two connections; only the order of the answers counts. The second is answered first if it can be.
      void instance.serve((request) => `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${request.startLine.slice(4, 6)}`);
      peer.send(GET + GET.replace('/x', '/y'));
      for (const path of ['/x', '/y']) expect((await peer.readMessage()).body.toString()).toBe(path);
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

    suite.rule('answers stay in order when the first is slow', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      let fastAnswered = false;
      void instance.serve(async ({ startLine }) => {
        // A forwarder that waits for the first answer never gets to the second request: the first is slow only for some turns.
        for (let i = 0; startLine.includes('/slow') && !fastAnswered && i < 200; i += 1) await turn();
        if (startLine.includes('/fast')) fastAnswered = true;
        return answer(startLine);
      });
      peer.send(request('/slow') + request('/fast') + request('/fast'));
      for (const path of ['/slow', '/fast', '/fast']) {
        expect((await peer.readMessage()).body.toString()).toBe(`GET ${path} HTTP/1.1`);
      }
    });

    suite.rule('bodies of pipelined requests stay with their requests, in whatever pieces they come', async ({ bench }) => {
      const { client, instance } = await bench();
      void instance.serve(({ startLine, body }) => answer(`${startLine.split(' ')[1]}:${body.toString()}`));
      const kinds = [
        (i: number) => request(`/${i}`),
        (i: number) => request(`/${i}`, `Content-Length: ${String(i).length}\r\n`, String(i), 'POST'),
        (i: number) => request(`/${i}`, 'Transfer-Encoding: chunked\r\n', chunk(String(i)) + chunk('!') + LAST_CHUNK, 'POST'),
      ] as const;
      const bodies = (i: number) => ['', String(i), `${i}!`][i % 3];
      const bytes = Array.from({ length: 30 }, (_, i) => kinds[i % 3]?.(i)).join('');
      for (const size of [bytes.length, 1_000, 97, 7]) {
        const peer = await client();
        for (let at = 0; at < bytes.length; at += size) {
          peer.send(bytes.slice(at, at + size));
          await turn();
        }
        for (let i = 0; i < 30; i += 1) expect((await peer.readMessage()).body.toString()).toBe(`/${i}:${bodies(i)}`);
      }
    });

    suite.rule('nothing behind a request that says close is read', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      void instance.serve(() => OK);
      peer.send(request('/last', 'Connection: close\r\n') + request('/behind'));
      await peer.readMessage();
      expect(await peer.readToEnd()).toBe('');
      expect(instance.received).not.toContain('/behind');
    });

    suite.rule('an instance that fails one of several pipelined requests fails only that', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      void instance.serve(({ startLine }) => (startLine.includes('/bad') ? 'NONSENSE\r\n\r\n' : OK));
      peer.send(GET + request('/bad') + GET);
      for (const status of [200, 502, 200]) expect((await peer.readMessage()).status).toBe(status);
    });
  });
}
