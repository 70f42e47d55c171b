import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { dripping } from './dripping.js';
import { answer, chunk, GET, LAST_CHUNK, OK, post, request } from './messages.js';
import type { Suite } from './suite.js';

const BODY_BYTES = 64 * 1024 * 1024;
/** What two pairs of socket buffers and a forwarder may hold; far below the body. */
const HELD_BYTES = 32 * 1024 * 1024;
const HANDSHAKE = request('/ws', 'Connection: Upgrade\r\nUpgrade: websocket\r\n');
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const PIECE = Buffer.alloc(256 * 1024, 'x');

/** Writes `BODY_BYTES` as fast as they are taken. `taken()`: what has left this process. */
function pour(socket: Socket): { taken(): number } {
  const before = socket.bytesWritten;
  let left = BODY_BYTES;
  const more = (): void => {
    while (left > 0) {
      left -= PIECE.length;
      if (!socket.write(PIECE)) {
        socket.once('drain', more);
        return;
      }
    }
  };
  more();
  return { taken: () => socket.bytesWritten - socket.writableLength - before };
}

/** Resolves when nothing has been taken for some looks in a row; too early only makes the case weaker. */
async function untilStalled(taken: () => number): Promise<number> {
  let last = -1;
  for (let quietLooks = 0; quietLooks < 10; ) {
    await delay(20);
    const now = taken();
    quietLooks = now === last ? quietLooks + 1 : 0;
    last = now;
  }
  return last;
}

/** Reads on and counts, without keeping anything. */
async function countBytes(socket: Socket, alreadyRead: number): Promise<void> {
  let count = alreadyRead;
  await new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      count += chunk.length;
      if (count >= BODY_BYTES) resolve();
    });
    socket.once('close', () => reject(new Error(`closed after ${count} bytes`)));
    socket.resume();
  });
  expect(count).toBe(BODY_BYTES);
}

export function describeBackPressure(suite: Suite): void {
  describe('back-pressure', () => {
    suite.rule('an instance that sends faster than the client reads has to wait', async ({ bench }) => {
      const { begin, gateway } = await bench();
      const { peer, upstream } = await begin(GET);
      upstream.send(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`);
      await peer.readHead();
      peer.socket.pause();
      const { taken } = pour(upstream.socket);
      expect(await untilStalled(taken)).toBeLessThan(HELD_BYTES);
      peer.socket.removeAllListeners('data');
      await countBytes(peer.socket, Buffer.byteLength(peer.received));
      await gateway.ended(1);
      expect(gateway.results).toMatchObject([{ status: 200, outcome: 'complete' }]);
    });

    suite.rule('a client that sends faster than the instance reads has to wait', async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream } = await begin(post(`Content-Length: ${BODY_BYTES}\r\n`));
      upstream.socket.pause();
      const { taken } = pour(peer.socket);
      expect(await untilStalled(taken)).toBeLessThan(HELD_BYTES);
      upstream.socket.removeAllListeners('data');
      await countBytes(upstream.socket, Buffer.byteLength(upstream.received));
      upstream.socket.resume();
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
    });

    suite.rule('either end of a tunnel that sends faster than the other reads has to wait', async ({ bench }) => {
      for (const from of ['client', 'instance'] as const) {
        const { begin } = await bench();
        const { peer, upstream } = await begin(HANDSHAKE);
        upstream.send(SWITCH);
        await peer.readHead();
        const [source, sink] = from === 'client' ? [peer, upstream] : [upstream, peer];
        sink.socket.pause();
        const { taken } = pour(source.socket);
        expect(await untilStalled(taken)).toBeLessThan(HELD_BYTES);
        sink.socket.removeAllListeners('data');
        await countBytes(sink.socket, Buffer.byteLength(sink.received));
      }
    });

    for (const [kind, head, piece] of [
      ['of a GET', GET, ''],
      ['of an upload that ends meanwhile', post('Transfer-Encoding: chunked\r\n'), chunk('x')],
    ] as const) {
      suite.rule(`a client that does not read its answer is given up, and the instance is let go: ${kind}`, async ({ bench }) => {
        const { begin, gateway } = await bench({ streamIdleMs: 600 });
        const { peer, upstream } = await begin(head);
        upstream.send(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`);
        await peer.readHead();
        peer.socket.pause();
        await dripping(
          () => piece !== '' && peer.send(piece),
          20,
          () => untilStalled(pour(upstream.socket).taken),
        );
        if (piece !== '') peer.send(LAST_CHUNK);
        await upstream.untilEnd();
        await gateway.ended(1);
        expect(gateway.results[0]?.outcome).not.toBe('complete');
        expect(gateway.running).toBe(0);
      });
    }

    for (const [what, asked, switched] of [
      ['upload', post(`Content-Length: ${BODY_BYTES}\r\n`), ''],
      ['upload in chunks', post(`Transfer-Encoding: chunked\r\n`, `${BODY_BYTES.toString(16)}\r\n`), ''],
      ['tunnel', HANDSHAKE, SWITCH],
    ] as const) {
      suite.rule(`a client that resets its connection while the instance reads nothing is not waited for: ${what}`, async ({ bench }) => {
        const { begin, gateway } = await bench({ streamIdleMs: 600_000, tunnelIdleMs: 600_000 });
        const { peer, upstream } = await begin(asked);
        if (switched !== '') {
          upstream.send(switched);
          await peer.readHead();
        }
        upstream.socket.pause();
        await untilStalled(pour(peer.socket).taken);
        peer.reset();
        await gateway.ended(1);
        expect(gateway.results).toMatchObject([{ outcome: switched === '' ? 'client_gone' : 'complete' }]);
        upstream.socket.resume();
        await upstream.untilEnd();
      });
    }

    suite.rule('a client that resets its connection behind requests that wait for their turn is not waited for', async ({ bench }) => {
      const { begin, gateway } = await bench({ responseTimeoutMs: 600_000 });
      const { peer, upstream } = await begin(GET + request('/next').repeat(100_000));
      await untilStalled(() => peer.socket.bytesWritten - peer.socket.writableLength);
      peer.reset();
      await upstream.untilEnd();
      await gateway.ended(gateway.heads.length);
      expect(gateway.results[0]).toMatchObject({ status: 0, outcome: 'client_gone' });
    });

    suite.rule('what waits for a slow reader is not touched by what others send and read meanwhile', async ({ bench }) => {
      const { begin } = await bench();
      const body = randomBytes(32 * 1024 * 1024);
      const slowReader = await begin(GET);
      slowReader.peer.socket.pause();
      slowReader.upstream.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      slowReader.upstream.socket.write(body);
      const slowTaker = await begin(post(`Content-Length: ${body.length}\r\n`));
      slowTaker.upstream.socket.pause();
      slowTaker.peer.socket.write(body);
      const { peer, upstream } = await begin(GET);
      for (let size = 1; size < 4_000_000; size *= 3) {
        const noise = randomBytes(size);
        upstream.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        upstream.socket.write(noise);
        expect((await peer.readMessage()).body.equals(noise)).toBe(true);
        peer.send(post(`Content-Length: ${size}\r\n`));
        peer.socket.write(noise);
        expect((await upstream.readMessage()).body.equals(noise)).toBe(true);
        // Not stopped for ever: each side takes a little now and then.
        for (const { socket } of [slowReader.peer, slowTaker.upstream]) {
          socket.resume();
          await once(socket, 'data');
          socket.pause();
        }
      }
      upstream.send(OK);
      slowReader.peer.socket.resume();
      expect(hashOf((await slowReader.peer.readMessage()).body)).toBe(hashOf(body));
      slowTaker.upstream.socket.resume();
      expect(hashOf(await slowTaker.upstream.readBytes(body.length))).toBe(hashOf(body));
    });

    suite.rule('a client that has read nothing for long gets all answers when it reads at last', async ({ bench }) => {
      const requests = 500;
      const { client, instance } = await bench({ queuePerInstance: requests, queueTimeoutMs: 60_000 });
      // Each answer is one piece, so that the one for which there is no room is whole, and its instance’s connection free again.
      void instance.serve(({ startLine }) => answer(startLine.padEnd(40_000)));
      const peer = await client();
      peer.socket.pause();
      let bytes = '';
      for (let i = 0; i < requests; i += 1) bytes += request(`/${i}`);
      peer.send(bytes);
      await untilStalled(() => instance.received.length);
      peer.socket.resume();
      for (let i = 0; i < requests; i += 1) expect((await peer.readMessage()).body.toString().trim()).toBe(`GET /${i} HTTP/1.1`);
    });

    suite.rule('a client that asks and asks and never reads is not read on for ever', async ({ bench }) => {
      const { client, instance } = await bench();
      void instance.serve(() => answer(PIECE.toString()));
      const peer = await client();
      peer.socket.pause();
      const requests = 2_000;
      peer.send(GET.repeat(requests));
      let answered = 0;
      await untilStalled(() => {
        answered = instance.received.split('GET /x').length - 1;
        return answered;
      });
      expect(answered * PIECE.length).toBeLessThan(HELD_BYTES * 2);
    });
  });
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
