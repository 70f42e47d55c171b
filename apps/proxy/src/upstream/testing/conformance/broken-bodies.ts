import { chunk, countAnswers, LAST_CHUNK, OK, post, problemOf, request } from './messages.js';
import type { Suite } from './suite.js';

/** What stands where a chunk should. RFC 9112 §7.1 */
const BROKEN: readonly (readonly [name: string, bytes: string])[] = [
  ['a size that is no number', `g\r\nabc\r\n${LAST_CHUNK}`],
  ['a size with 0x', `0x3\r\nabc\r\n${LAST_CHUNK}`],
  ['a size with a plus', `+3\r\nabc\r\n${LAST_CHUNK}`],
  ['a negative size', `-3\r\nabc\r\n${LAST_CHUNK}`],
  ['a size with a space before it', ` 3\r\nabc\r\n${LAST_CHUNK}`],
  ['no size', `\r\nabc\r\n${LAST_CHUNK}`],
  ['a size beyond 64 bits', `10000000000000003\r\nabc\r\n${LAST_CHUNK}`],
  ['a bare LF after the size', `3\nabc\r\n${LAST_CHUNK}`],
  ['a bare CR after the size', `3\rabc\r\n${LAST_CHUNK}`],
  ['a bare LF after the data', `3\r\nabc\n${LAST_CHUNK}`],
  ['data longer than its size', `3\r\nabcd\r\n${LAST_CHUNK}`],
  ['data shorter than its size', `4\r\nabc\r\n${LAST_CHUNK}`],
  ['a bare LF in an extension', `3;a\nabc\r\n${LAST_CHUNK}`],
  ['an extension without limit', `3;${'a'.repeat(100_000)}\r\nabc\r\n${LAST_CHUNK}`],
  ['extensions without limit', `1;${'a'.repeat(200)}\r\nx\r\n`.repeat(200) + LAST_CHUNK],
  ['a space before the colon of a trailer', '0\r\nX-Sum : 1\r\n\r\n'],
  ['a trailer without a colon', '0\r\nX-Sum\r\n\r\n'],
  ['a folded trailer', '0\r\nX-Sum: 1\r\n 2\r\n\r\n'],
  ['a trailer section without limit', `0\r\n${'X-Sum: 1\r\n'.repeat(10_000)}\r\n`],
];

const CHUNKED_HEAD = post('Transfer-Encoding: chunked\r\n');

/** The head was fine and may be at the instance: the rest must not get there, and the instance must see that it is missing. */
export function describeBrokenBodies(suite: Suite): void {
  describe('broken request bodies', () => {
    for (const [name, bytes] of BROKEN) {
      suite.rule(`§7.1 the instance never sees it whole, nor what follows: ${name}`, async ({ bench }) => {
        const { client, instance, gateway } = await bench();
        const peer = await client();
        peer.send(CHUNKED_HEAD + chunk('one'));
        const upstream = await instance.connection();
        await upstream.readHead();
        await upstream.readBytes(chunk('one').length);
        peer.send(bytes + request('/smuggled'));
        await upstream.untilEnd();
        await gateway.ended(1);
        expect(upstream.received).not.toContain(LAST_CHUNK);
        expect(instance.received).not.toContain('smuggled');
        const received = await peer.readToEnd();
        expect(countAnswers(received)).toBeLessThanOrEqual(1);
        expect(received).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
      });
    }

    suite.rule('§7.1 a broken chunk is answered with 400', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send(CHUNKED_HEAD + chunk('one'));
      const upstream = await instance.connection();
      await upstream.readHead();
      peer.send('zz\r\n');
      expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'bad_request', status: 400 });
      await peer.untilEnd();
    });

    suite.rule('a body that ends before its length or its last chunk is never passed on as whole', async ({ bench }) => {
      for (const [head, part] of [
        ['Content-Length: 10\r\n', 'abc'],
        ['Transfer-Encoding: chunked\r\n', chunk('abc')],
      ] as const) {
        const { client, instance, gateway } = await bench();
        const peer = await client();
        peer.send(post(head, part));
        const upstream = await instance.connection();
        await upstream.readHead();
        await upstream.readBytes(part.length);
        peer.socket.end();
        await upstream.untilEnd();
        expect(upstream.received).toBe('');
        await gateway.ended(1);
        expect(gateway.results[0]?.outcome).not.toBe('cut');
      }
    });

    suite.rule('a chunk size in any case with leading zeros and a modest extension is fine', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send(post('Transfer-Encoding: Chunked\r\n', `0000A;name=value\r\n0123456789\r\na\r\n0123456789\r\n00${LAST_CHUNK}`));
      const upstream = await instance.connection();
      expect((await upstream.readMessage()).body.toString()).toBe('01234567890123456789');
      upstream.send(OK);
      expect((await peer.readMessage()).status).toBe(200);
    });
  });
}
