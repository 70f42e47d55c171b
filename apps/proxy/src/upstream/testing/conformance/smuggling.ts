import { setImmediate as turn } from 'node:timers/promises';
import { countAnswers, post, problemOf, request } from './messages.js';
import type { Suite } from './suite.js';

const HOST = 'Host: shop.example\r\n';

/** Each is read in two ways by some server or proxy; RFC 9112 unless it says otherwise. */
const AMBIGUOUS: readonly (readonly [section: string, name: string, bytes: string])[] = [
  ['§6.1', 'a length, then chunks', post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
  ['§6.1', 'chunks, then a length', post('Transfer-Encoding: chunked\r\nContent-Length: 3\r\n', '0\r\n\r\n')],
  ['§6.1', 'chunks in HTTP/1.0', 'POST /x HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['§6.3', 'unequal lengths', post('Content-Length: 3\r\nContent-Length: 4\r\n', 'abcd')],
  ['§6.3', 'a length repeated', post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc')],
  ['§6.3', 'a list of lengths', post('Content-Length: 3, 4\r\n', 'abcd')],
  ['§6.3', 'a length with a plus', post('Content-Length: +3\r\n', 'abc')],
  ['§6.3', 'a negative length', post('Content-Length: -3\r\n', 'abc')],
  ['§6.3', 'a hexadecimal length', post('Content-Length: 0x3\r\n', 'abc')],
  ['§6.3', 'a length with a space in it', post('Content-Length: 3 3\r\n', 'abc')],
  ['§6.3', 'a length beyond 64 bits', post('Content-Length: 18446744073709551619\r\n', 'abc')],
  ['§6.3', 'an empty length', post('Content-Length:\r\n')],
  ['§6.1', 'an unknown coding before chunked', post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n')],
  ['§6.1', 'an unknown coding in a field of its own', post('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
  ['§6.1', 'chunked twice', post('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n')],
  ['§6.1', 'chunked in two fields', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
  ['§6.1', 'a coding after chunked', post('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n')],
  ['§6.1', 'identity', post('Transfer-Encoding: identity\r\n', '0\r\n\r\n')],
  ['§6.1', 'what only ends in chunked', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n')],
  ['§6.1', 'chunked behind a vertical tab', post('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n')],
  ['§2.2', 'a bare LF after the request line', `GET /x HTTP/1.1\n${HOST}\r\n`],
  ['§2.2', 'a bare LF after a field', 'GET /x HTTP/1.1\r\nHost: h\nX-A: b\r\n\r\n'],
  ['§2.2', 'a bare LF as the empty line', `GET /x HTTP/1.1\r\n${HOST}\n`],
  ['§2.2', 'a bare CR in a value', request('/x', 'X-A: b\rContent-Length: 5\r\n')],
  ['§2.2', 'a CR before CRLF', request('/x', 'X-A: b\r\r\n')],
  ['§5.1', 'a space before the colon', post('Content-Length : 3\r\n', 'abc')],
  ['§5.1', 'a tab before the colon', post('Transfer-Encoding\t: chunked\r\n', '0\r\n\r\n')],
  ['§5.1', 'no colon', request('/x', 'X-A\r\n')],
  ['§5.1', 'no name', request('/x', ': b\r\n')],
  ['§5.2', 'a folded value', request('/x', 'X-A: b\r\n c\r\n')],
  ['§5.2', 'a fold before the first field', 'GET /x HTTP/1.1\r\n Content-Length: 5\r\nHost: h\r\n\r\n'],
  ['9110 §5.5', 'a NUL in a value', request('/x', 'X-A: b\x00c\r\n')],
  ['9110 §5.5', 'a NUL in a name', request('/x', 'X\x00A: b\r\n')],
  ['§3.2', 'no Host', 'GET /x HTTP/1.1\r\n\r\n'],
  ['§3.2', 'two Hosts', request('/x', 'Host: other.example\r\n')],
  ['§3.2', 'the same Host twice', request('/x', HOST)],
  ['§3', 'a space in the target', `GET /x y HTTP/1.1\r\n${HOST}\r\n`],
  ['§3', 'a control character in the target', `GET /x\x01 HTTP/1.1\r\n${HOST}\r\n`],
  ['§3', 'no version', 'GET /x\r\n\r\n'],
  ['§3', 'bytes of a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
];

const SMUGGLED = request('/smuggled');

/** What could be read in two ways is not read at all. */
export function describeSmuggling(suite: Suite): void {
  describe('ambiguous requests', () => {
    for (const [section, name, bytes] of AMBIGUOUS) {
      suite.rule(`${section} 400, a closed connection and nothing for the instance: ${name}`, async ({ bench }) => {
        for (const pieces of [[bytes + SMUGGLED], [...bytes, SMUGGLED]]) {
          const { client, instance, gateway } = await bench();
          const peer = await client();
          for (const piece of pieces) {
            if (peer.socket.destroyed) break;
            peer.send(piece);
            if (pieces.length > 1) await turn();
          }
          const refusal = await peer.readMessage();
          expect(refusal.status).toBe(400);
          expect(problemOf(refusal)).toMatchObject({ code: 'bad_request', status: 400 });
          expect(await peer.readToEnd()).toBe('');
          expect(gateway.running).toBe(0);
          // A sound request afterwards is all that the instance ever sees.
          void instance.serve(() => 'HTTP/1.1 204 No Content\r\n\r\n');
          const next = await client();
          next.send(request('/after'));
          expect((await next.readMessage()).status).toBe(204);
          expect(instance.received.match(/\/\w+ HTTP/g)).toEqual(['/after HTTP']);
        }
      });
    }

    suite.rule('a refused request does not take the answers before it along', async ({ bench }) => {
      const { client, instance } = await bench();
      void instance.serve((one) => `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${one.startLine.slice(4, 6)}`);
      const peer = await client();
      peer.send(request('/a') + request('/b') + post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n') + SMUGGLED);
      expect((await peer.readMessage()).body.toString()).toBe('/a');
      expect((await peer.readMessage()).body.toString()).toBe('/b');
      expect(countAnswers(await peer.readToEnd())).toBeLessThanOrEqual(1);
      expect(instance.received).not.toContain('smuggled');
    });
  });
}
