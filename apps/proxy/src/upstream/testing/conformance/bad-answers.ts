import { answer, chunk, GET, LAST_CHUNK, OK, problemOf, request } from './messages.js';
import type { Suite } from './suite.js';

function ok(fields: string, body = ''): string {
  return `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`;
}

const BAD_HEADS: readonly (readonly [name: string, bytes: string])[] = [
  ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
  ['a bad status', 'HTTP/1.1 abc OK\r\n\r\n'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n'],
  ['a version that nobody speaks', 'HTTP/3.7 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['two lengths', ok('Content-Length: 2\r\nContent-Length: 3\r\n', 'ok')],
  ['a length with a sign', ok('Content-Length: +2\r\n', 'ok')],
  ['a length that is no number', ok('Content-Length: two\r\n', 'ok')],
  ['a negative length', ok('Content-Length: -2\r\n', 'ok')],
  ['a list of lengths', ok('Content-Length: 2, 3\r\n', 'ok')],
  ['an unknown coding before chunked', ok('Transfer-Encoding: gzip, chunked\r\n', LAST_CHUNK)],
  ['an unknown coding alone', ok('Transfer-Encoding: gzip\r\n', 'ok')],
  ['chunked twice', ok('Transfer-Encoding: chunked, chunked\r\n', LAST_CHUNK)],
  ['chunked in two fields', ok('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', LAST_CHUNK)],
  ['a coding after chunked', ok('Transfer-Encoding: chunked, identity\r\n', LAST_CHUNK)],
  ['a length and chunks', ok('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', LAST_CHUNK)],
  ['a bare LF after the status line', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'],
  ['a bare LF after a field', ok('X-A: b\nContent-Length: 0\r\n')],
  ['a bare CR in a value', ok('X-A: b\rc\r\nContent-Length: 0\r\n')],
  ['a bare CR after the status line', 'HTTP/1.1 200 OK\rContent-Length: 0\r\n\r\n'],
  ['a tab before the colon', ok('Content-Length\t: 0\r\n')],
  ['a space before the colon', ok('Content-Length : 0\r\n')],
  ['a folded value', ok('X-A: b\r\n c\r\nContent-Length: 0\r\n')],
  ['a NUL in a value', ok('X-A: b\x00\r\nContent-Length: 0\r\n')],
  ['a NUL in a name', ok('X\x00A: b\r\nContent-Length: 0\r\n')],
  ['no colon', ok('X-A\r\nContent-Length: 0\r\n')],
  ['a switch of protocols that nobody asked for', 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
  ['a head without end', `HTTP/1.1 200 OK\r\n${'X-Long: 1\r\n'.repeat(10_000)}`],
];

const BAD_CHUNKS: readonly (readonly [name: string, bytes: string])[] = [
  ['a size that is no number', 'zz\r\n'],
  ['a size with a sign', '+3\r\nabc\r\n'],
  ['a bare LF after a size', '3\nabc\r\n'],
  ['a bare CR after a size', '3\rabc\r\n'],
  ['an extension without limit', `3;${'a'.repeat(100_000)}\r\nabc\r\n`],
  ['extensions without limit', `1;${'a'.repeat(200)}\r\nx\r\n`.repeat(200)],
  ['data longer than its size', `3\r\nabcd\r\n${LAST_CHUNK}`],
  ['a size beyond 64 bits', '10000000000000003\r\nabc\r\n'],
  ['a folded trailer', '0\r\nX-A: b\r\n c\r\n\r\n'],
];

const FORGED = answer('forged');

/** The same rigour on what instances send. */
export function describeBadAnswers(suite: Suite): void {
  describe('answers that are refused', () => {
    for (const [name, bytes] of BAD_HEADS) {
      suite.rule(`502 upstream_bad_response: ${name}`, async ({ bench }) => {
        const { client, instance, gateway } = await bench();
        const peer = await client();
        peer.send(GET);
        const upstream = await instance.connection();
        await upstream.readMessage();
        upstream.send(bytes + FORGED);
        expect(problemOf(await peer.readMessage())).toMatchObject({ code: 'upstream_bad_response', status: 502 });
        await upstream.untilEnd();
        await gateway.ended(1);
        expect(gateway.results).toMatchObject([{ status: 502, outcome: 'complete' }]);
        // It is not sent twice, and the client's connection is none the worse.
        expect(instance.accepted).toBe(1);
        peer.send(request('/next'));
        const second = await instance.connection();
        await second.readMessage();
        second.send(OK);
        expect((await peer.readMessage()).body.toString()).toBe('ok');
      });
    }

    for (const [name, bytes] of BAD_CHUNKS) {
      suite.rule(`an answer whose body breaks never ends cleanly: ${name}`, async ({ bench }) => {
        const { client, instance, gateway } = await bench();
        const peer = await client();
        peer.send(GET);
        const upstream = await instance.connection();
        await upstream.readMessage();
        upstream.send(ok('Transfer-Encoding: chunked\r\n', chunk('one')));
        await peer.readHead();
        upstream.send(bytes + FORGED);
        const received = await peer.readToEnd();
        expect(received).not.toContain(LAST_CHUNK);
        expect(received).not.toMatch(/^0+\r\n/m);
        expect(received).not.toContain('forged');
        await upstream.untilEnd();
        await gateway.ended(1);
        expect(gateway.results).toMatchObject([{ status: 200, outcome: 'cut' }]);
      });
    }

    suite.rule('bytes behind an answer are nobody’s answer', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send(GET);
      const upstream = await instance.connection();
      await upstream.readMessage();
      upstream.send(OK + FORGED);
      expect((await peer.readMessage()).body.toString()).toBe('ok');
      await upstream.untilEnd();
      peer.send(request('/next'));
      const second = await instance.connection();
      await second.readMessage();
      second.send(OK);
      expect((await peer.readMessage()).body.toString()).toBe('ok');
    });

    suite.rule('bytes on an idle connection are nobody’s answer', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send(GET);
      const upstream = await instance.connection();
      await upstream.readMessage();
      upstream.send(OK);
      expect((await peer.readMessage()).body.toString()).toBe('ok');
      upstream.send(FORGED);
      await upstream.untilEnd();
      peer.send(request('/next'));
      const second = await instance.connection();
      await second.readMessage();
      second.send(OK);
      expect((await peer.readMessage()).body.toString()).toBe('ok');
    });
  });
}
