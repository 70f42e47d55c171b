import { valuesOf } from '../raw-client.js';
import { chunk, GET, LAST_CHUNK, OK, problemOf } from './messages.js';
import type { Suite } from './suite.js';

export function describeUpgrades(suite: Suite): void {
  describe('upgrades', () => {
    const HANDSHAKE =
      'GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
    const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n';

    suite.rule('WebSocket: bytes go both ways, early ones included, and count as in flight until the end', async ({ bench }) => {
      const { client, instance, gateway } = await bench();
      const peer = await client();
      peer.send(`${HANDSHAKE}early`);
      const upstream = await instance.connection();
      const request = await upstream.readHead();
      expect(valuesOf(request.headers, 'upgrade')).toEqual(['websocket']);
      expect(valuesOf(request.headers, 'connection')).toEqual(['Upgrade']);
      expect(valuesOf(request.headers, 'x-request-id')).toEqual(['id-1']);
      upstream.send(`${SWITCH}hello`);
      const answer = await peer.readHead();
      expect(answer.status).toBe(101);
      expect(valuesOf(answer.headers, 'x-app-version')).toEqual(['3']);
      expect((await peer.readBytes(5)).toString()).toBe('hello');
      expect((await upstream.readBytes(5)).toString()).toBe('early');
      peer.send('ping');
      expect((await upstream.readBytes(4)).toString()).toBe('ping');
      expect(gateway.running).toBe(1);
      peer.socket.end();
      await upstream.untilEnd();
      upstream.send('last');
      expect((await peer.readBytes(4)).toString()).toBe('last');
      upstream.socket.end();
      await gateway.ended(1);
      expect(gateway.results).toMatchObject([{ status: 101, outcome: 'complete' }]);
    });

    suite.rule('either side of a tunnel that breaks takes the other with it, and nothing else', async ({ bench }) => {
      for (const side of ['client', 'instance'] as const) {
        const { client, instance, gateway } = await bench();
        const peer = await client();
        peer.send(HANDSHAKE);
        const upstream = await instance.connection();
        await upstream.readHead();
        upstream.send(SWITCH);
        await peer.readHead();
        (side === 'client' ? peer : upstream).reset();
        await (side === 'client' ? upstream : peer).untilEnd();
        await gateway.ended(1);
        expect(gateway.running).toBe(0);
      }
    });

    suite.rule('an instance that declines the upgrade is heard, its chunks decoded', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send(HANDSHAKE);
      const upstream = await instance.connection();
      await upstream.readHead();
      upstream.send('HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n');
      const answer = await peer.readMessage();
      expect(answer.status).toBe(403);
      expect(answer.body.toString()).toBe('no');
    });

    for (const [name, fields, body] of [
      ['another one before chunked', 'Transfer-Encoding: gzip, chunked\r\n', chunk('no') + LAST_CHUNK],
      ['another one alone', 'Transfer-Encoding: gzip\r\n', 'no'],
      ['chunked twice', 'Transfer-Encoding: chunked, chunked\r\n', chunk('no') + LAST_CHUNK],
      ['another one in a field of its own', 'Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n', chunk('no') + LAST_CHUNK],
    ] as const) {
      suite.rule(
        `502 for an instance that declines the upgrade in a transfer coding that is not chunked alone: ${name}`,
        async ({ bench }) => {
          const { begin, gateway } = await bench();
          const { peer, upstream } = await begin(HANDSHAKE);
          upstream.send(`HTTP/1.1 403 Forbidden\r\n${fields}\r\n${body}`);
          expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'upstream_bad_response', status: 502 });
          await upstream.untilEnd();
          await gateway.ended(1);
          expect(gateway.results).toMatchObject([{ status: 502, outcome: 'complete' }]);
        },
      );
    }

    suite.rule('a declined upgrade whose answer is cut never looks whole', async ({ bench }) => {
      for (const [fields, body] of [
        ['Transfer-Encoding: chunked\r\n', chunk('no')],
        ['', 'no'],
        ['Content-Length: 9\r\n', 'no'],
      ] as const) {
        for (const leave of ['reset', 'close'] as const) {
          // With neither length nor chunks, a polite end is the end.
          if (fields === '' && leave === 'close') continue;
          const { begin, gateway } = await bench();
          const { peer, upstream } = await begin(HANDSHAKE);
          upstream.send(`HTTP/1.1 403 Forbidden\r\n${fields}\r\n${body}`);
          const head = await peer.readHead();
          await peer.readBytes(2);
          upstream[leave]();
          const rest = await peer.readToEnd();
          if (valuesOf(head.headers, 'content-length').length > 0) expect(rest.length).toBeLessThan(9);
          else if (valuesOf(head.headers, 'transfer-encoding').length > 0) expect(rest).not.toContain(LAST_CHUNK);
          else expect(peer.wasReset).toBe(true);
          await gateway.ended(1);
          expect(gateway.results).toMatchObject([{ status: 403, outcome: 'cut' }]);
        }
      }
    });

    suite.rule('a declined upgrade whose client goes away in the middle of the answer got none', async ({ bench }) => {
      const { begin, gateway } = await bench();
      const { peer, upstream } = await begin(HANDSHAKE);
      upstream.send('HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nno');
      await peer.readHead();
      peer.reset();
      await upstream.untilEnd();
      await gateway.ended(1);
      expect(gateway.results).toMatchObject([{ status: 403, outcome: 'client_gone' }]);
    });

    suite.rule('a failed connect is tried on another instance; with none left 502', async ({ bench, instance }) => {
      const dead = await instance('dead');
      await dead.stopAccepting();
      const alive = await instance('alive');
      const one = await bench({}, [dead, alive]);
      const first = await one.client();
      first.send(HANDSHAKE);
      await (await alive.connection()).readHead();
      const two = await bench({}, [dead]);
      const second = await two.client();
      second.send(HANDSHAKE);
      expect(JSON.parse((await second.readMessage()).body.toString())).toMatchObject({ code: 'upstream_connect_failed' });
    });

    suite.rule('the client goes away before the instance has answered the handshake', async ({ bench }) => {
      const { client, instance, gateway } = await bench();
      const peer = await client();
      peer.send(HANDSHAKE);
      const upstream = await instance.connection();
      await upstream.readHead();
      peer.reset();
      await upstream.untilEnd();
      await gateway.ended(1);
      expect(gateway.running).toBe(0);
    });

    suite.rule('an upgrade behind a request that is not answered yet waits for its turn', async ({ bench }) => {
      const { begin, instance } = await bench();
      const { peer, upstream } = await begin(`${GET}${HANDSHAKE}early`);
      upstream.send('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
      expect((await peer.readMessage()).body.toString()).toBe('ok');
      const tunnel = await instance.connection();
      expect((await tunnel.readHead()).startLine).toBe('GET /ws HTTP/1.1');
      tunnel.send(SWITCH);
      expect((await peer.readHead()).status).toBe(101);
      expect((await tunnel.readBytes(5)).toString()).toBe('early');
      tunnel.send('hello');
      expect((await peer.readBytes(5)).toString()).toBe('hello');
    });

    suite.rule('another protocol is answered in HTTP/1.1', async ({ bench }) => {
      const { client, instance, gateway } = await bench();
      const peer = await client();
      peer.send('GET /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n');
      const upstream = await instance.connection();
      expect(valuesOf((await upstream.readMessage()).headers, 'upgrade')).toEqual([]);
      upstream.send(OK);
      expect((await peer.readMessage()).body.toString()).toBe('ok');
      await gateway.ended(1);
    });
  });
}
