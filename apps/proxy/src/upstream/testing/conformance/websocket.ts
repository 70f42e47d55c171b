import { setImmediate as turn } from 'node:timers/promises';
import type { RawPeer } from '../raw-client.js';
import { valuesOf } from '../raw-client.js';
import { OK, request } from './messages.js';
import type { Suite } from './suite.js';

const HANDSHAKE = request(
  '/ws',
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n',
);
const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

const TEXT = 0x1;
const BINARY = 0x2;
const CONTINUATION = 0x0;
const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;

/** A frame of RFC 6455 §5.2; a client's is masked. */
function frame(opcode: number, payload: Buffer, options: { mask?: boolean; more?: boolean } = {}): Buffer {
  const extended =
    payload.length < 126
      ? Buffer.from([payload.length])
      : Buffer.concat([Buffer.from([payload.length < 65_536 ? 126 : 127]), lengthBytes(payload.length)]);
  const head = Buffer.concat([Buffer.from([(options.more ? 0 : 0x80) | opcode]), extended]);
  if (!options.mask) return Buffer.concat([head, payload]);
  const key = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a]);
  head[1] = (head[1] as number) | 0x80;
  return Buffer.concat([head, key, payload.map((byte, i) => byte ^ (key[i % 4] as number))]);
}

function lengthBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length < 65_536 ? 2 : 8);
  if (length < 65_536) bytes.writeUInt16BE(length);
  else bytes.writeBigUInt64BE(BigInt(length));
  return bytes;
}

function closeFrame(code: number, reason: string, mask: boolean): Buffer {
  const payload = Buffer.concat([Buffer.alloc(2), Buffer.from(reason)]);
  payload.writeUInt16BE(code);
  return frame(CLOSE, payload, { mask });
}

async function expectSame(from: RawPeer, to: RawPeer, bytes: Buffer, pieceBytes = bytes.length): Promise<void> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    from.send(bytes.subarray(at, at + pieceBytes));
    if (pieceBytes < bytes.length) await turn();
  }
  expect((await to.readBytes(bytes.length)).equals(bytes)).toBe(true);
}

export function describeWebSocket(suite: Suite): void {
  describe('WebSocket', () => {
    suite.rule('frames of every kind pass byte for byte, both ways, in whatever pieces', async ({ bench }) => {
      const { begin, gateway } = await bench();
      const { peer, upstream, head } = await begin(HANDSHAKE);
      expect(valuesOf(head.headers, 'sec-websocket-key')).toEqual(['dGhlIHNhbXBsZSBub25jZQ==']);
      upstream.send(SWITCH);
      expect(valuesOf((await peer.readHead()).headers, 'sec-websocket-accept')).toEqual(['s3pPLMBiTxaQ9kYGzzhZRbK+xOo=']);
      const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      for (const mask of [true, false]) {
        const [from, to] = mask ? [peer, upstream] : [upstream, peer];
        const frames = Buffer.concat([
          frame(TEXT, Buffer.from('grüße'), { mask }),
          frame(BINARY, everyByte, { mask }),
          frame(TEXT, Buffer.from('GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n'), { mask, more: true }),
          frame(PING, Buffer.from('between'), { mask }),
          frame(CONTINUATION, Buffer.from('0\r\n\r\n'), { mask }),
          frame(PONG, Buffer.alloc(0), { mask }),
        ]);
        await expectSame(from, to, frames);
        await expectSame(from, to, frames, 3);
        await expectSame(from, to, frame(BINARY, Buffer.alloc(200_000, 7), { mask }));
      }
      for (const [from, to, bytes] of [
        [peer, upstream, closeFrame(4001, 'enough', true)],
        [upstream, peer, closeFrame(4001, 'enough', false)],
      ] as const)
        await expectSame(from, to, bytes);
      upstream.socket.end();
      await peer.untilEnd();
      peer.socket.end();
      await gateway.ended(1);
      expect(gateway.results).toMatchObject([{ status: 101, outcome: 'complete' }]);
      expect(gateway.heads).toHaveLength(1);
    });

    suite.rule('a thousand at once, each with its own peer, and none is left behind', async ({ bench }) => {
      const count = 1_000;
      const { client, instance, gateway } = await bench({
        connectionsPerInstance: 2 * count,
        clientConnections: 2 * count,
        // A thousand connects at once may overflow a listener's backlog, and the first tunnel rests until the last has come.
        connectTimeoutMs: 60_000,
        responseTimeoutMs: 60_000,
        tunnelIdleMs: 60_000,
      });
      const echo = async (upstream: RawPeer): Promise<void> => {
        await upstream.readHead();
        // Not by reading with a deadline: the first one rests until the last has come.
        upstream.socket.on('data', (bytes) => upstream.send(bytes));
        upstream.socket.once('end', () => upstream.socket.end());
        upstream.send(SWITCH);
      };
      const accept = async (): Promise<void> => {
        for (let i = 0; i < count; i += 1) {
          const upstream = await instance.connection();
          echo(upstream).catch(() => upstream.close());
        }
      };
      const accepting = accept();
      const peers: RawPeer[] = [];
      for (let i = 0; i < count; i += 1) {
        const peer = await client();
        peer.send(HANDSHAKE);
        peers.push(peer);
      }
      await accepting;
      const heads = await Promise.all(peers.map((peer) => peer.readHead()));
      expect(heads.filter(({ status }) => status !== 101)).toEqual([]);
      expect(gateway.running).toBe(count);
      await Promise.all(
        peers.map(async (peer, i) => {
          for (let round = 0; round < 3; round += 1) {
            const bytes = frame(TEXT, Buffer.from(`peer ${i} round ${round}`.padEnd(MESSAGE_BYTES - 6)), { mask: true });
            peer.send(bytes);
            expect((await peer.readBytes(MESSAGE_BYTES)).equals(bytes)).toBe(true);
          }
        }),
      );
      for (const [i, peer] of peers.entries()) {
        if (i % 2 === 0) peer.close();
        else peer.reset();
      }
      await gateway.ended(count);
      expect(gateway.running).toBe(0);
    });

    suite.rule('close lets a tunnel finish within its grace time', async ({ bench }) => {
      const { begin, forwarder, gateway } = await bench();
      const { peer, upstream } = await begin(HANDSHAKE);
      upstream.send(SWITCH);
      await peer.readHead();
      const closed = forwarder.close(10_000);
      await expectSame(peer, upstream, frame(TEXT, Buffer.from('still here'), { mask: true }));
      await expectSame(upstream, peer, closeFrame(1001, 'going away', false));
      upstream.socket.end();
      peer.socket.end();
      await closed;
      expect(gateway.results).toMatchObject([{ status: 101, outcome: 'complete' }]);
    });

    suite.rule('a protocol of one’s own can be switched to', async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream, head } = await begin(request('/x', 'Connection: Upgrade\r\nUpgrade: chatter/2\r\n'));
      expect(valuesOf(head.headers, 'upgrade')).toEqual(['chatter/2']);
      expect(valuesOf(head.headers, 'connection')).toEqual(['Upgrade']);
      upstream.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chatter/2\r\n\r\nhello');
      expect((await peer.readHead()).status).toBe(101);
      expect((await peer.readBytes(5)).toString()).toBe('hello');
      await expectSame(peer, upstream, Buffer.from('\r\n\r\n\x00\xff', 'latin1'));
    });

    suite.rule('an Upgrade that Connection does not name is not passed on', async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream, head } = await begin(request('/x', 'Upgrade: websocket\r\n'));
      expect(valuesOf(head.headers, 'upgrade')).toEqual([]);
      upstream.send(OK);
      expect((await peer.readMessage()).body.toString()).toBe('ok');
    });
  });
}

const MESSAGE_BYTES = 64;
