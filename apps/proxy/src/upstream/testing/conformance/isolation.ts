import { setImmediate as turn } from 'node:timers/promises';
import { RawPeer } from '../raw-client.js';
import type { RawInstance } from '../raw-instance.js';
import { chunk, LAST_CHUNK, request } from './messages.js';
import type { Suite } from './suite.js';

/** In the title, so that a failure can be repeated. */
const SEED = 1;
const REQUESTS = 10_000;
const CLIENTS = 40;
/** Every case in which something is torn down: one in that many. */
const ABORT_ONE_IN = 12;

/** Mulberry32: the same choices in every run. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Random = (below: number) => number;

/** Answers with what it was asked, repeated; now and then breaks off, closes or adds an unasked answer. */
async function serveTags(instance: RawInstance, random: Random): Promise<void> {
  const serveOne = async (upstream: RawPeer): Promise<void> => {
    for (;;) {
      const { startLine, body } = await upstream.readMessage();
      const tag = `<${startLine.split(' ')[1]}|${body.toString()}>`;
      const repeated = tag.repeat(1 + random(40));
      for (let i = random(4); i > 0; i -= 1) await turn();
      const head = `HTTP/1.1 200 OK\r\nX-Tag: ${tag}\r\n`;
      const bytes =
        random(2) === 0
          ? `${head}Content-Length: ${repeated.length}\r\n\r\n${repeated}`
          : `${head}Transfer-Encoding: chunked\r\n\r\n${chunk(repeated)}${LAST_CHUNK}`;
      switch (random(ABORT_ONE_IN * 4)) {
        case 0:
          upstream.reset();
          return;
        case 1:
          upstream.send(bytes.slice(0, random(bytes.length)));
          await turn();
          upstream.reset();
          return;
        case 2:
          upstream.send(`${bytes}HTTP/1.1 200 OK\r\nX-Tag: forged\r\nContent-Length: 6\r\n\r\nforged`);
          break;
        case 3:
          upstream.send(bytes);
          upstream.socket.end();
          return;
        default:
          upstream.send(bytes);
      }
    }
  };
  for (;;) {
    const upstream = await instance.connection().catch(() => null);
    if (upstream === null) return;
    serveOne(upstream).catch(() => undefined);
  }
}

interface Tally {
  sent: number;
  whole: number;
  failed: number;
  crossed: string[];
}

/** One client: batches of pipelined requests, some given up half-way; starts anew on another connection then. */
async function ask(connect: () => Promise<RawPeer>, name: string, random: Random, tally: Tally): Promise<void> {
  let peer: RawPeer | null = null;
  while (tally.sent < REQUESTS) {
    peer ??= await connect();
    const tags: string[] = [];
    let bytes = '';
    for (let i = random(4); i >= 0; i -= 1) {
      tally.sent += 1;
      const path = `/${name}-${tally.sent}`;
      const body = random(2) === 0 ? '' : `body-${tally.sent}`;
      tags.push(`<${path}|${body}>`);
      bytes += body === '' ? request(path) : request(path, `Content-Length: ${body.length}\r\n`, body, 'POST');
    }
    const abort = random(ABORT_ONE_IN);
    try {
      if (abort === 0) throw new Error(`given up after ${peer.send(bytes.slice(0, random(bytes.length)))}`);
      peer.send(bytes);
      if (abort === 1) throw new Error('given up before the answer');
      for (const tag of tags) {
        const head = await peer.readMessage();
        if (head.status === 502) {
          tally.failed += 1;
          continue;
        }
        const text = head.body.toString();
        if (head.status !== 200 || text === '' || text !== tag.repeat(text.length / tag.length) || !head.headers.includes(tag))
          tally.crossed.push(`asked ${tag}, got ${head.status} ${text.slice(0, 100)}`);
        tally.whole += 1;
        if (abort === 2) throw new Error('given up among answers');
      }
    } catch {
      // A cut answer or given up: what came is thrown away with its connection.
      if (random(2) === 0) peer.close();
      else peer.reset();
      peer = null;
      await turn();
    }
  }
  peer?.close();
}

export function describeIsolation(suite: Suite): void {
  describe('isolation', () => {
    suite.rule(
      `10,000 tagged requests under aborts on both sides, seed ${SEED}: nobody ever gets another’s answer`,
      async ({ bench }) => {
        // More clients than connections, so that they wait for one another; who waits is served, however slow the machine.
        const { port, instance, gateway } = await bench({ connectionsPerInstance: 20, queueTimeoutMs: 60_000 });
        void serveTags(instance, createRandom(SEED));
        const tally: Tally = { sent: 0, whole: 0, failed: 0, crossed: [] };
        const clients = Array.from({ length: CLIENTS }, (_, i) =>
          ask(() => RawPeer.connect(port), `c${i}`, createRandom(SEED + 1 + i), tally),
        );
        await Promise.all(clients);
        expect(tally.crossed).toEqual([]);
        // Most get through, or the case would show nothing.
        expect(tally.whole).toBeGreaterThan(REQUESTS * 0.6);
        expect(tally.failed).toBeGreaterThan(0);
        await gateway.ended(gateway.heads.length);
        expect(gateway.running).toBe(0);
      },
      60_000,
    );
  });
}
