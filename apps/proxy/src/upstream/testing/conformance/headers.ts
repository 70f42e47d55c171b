import { valuesOf } from '../raw-client.js';
import { answer, request } from './messages.js';
import type { Suite } from './suite.js';

export function describeHeaders(suite: Suite): void {
  describe('headers', () => {
    suite.rule('passes target, header case, order and duplicates, and adds its own headers', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send(
        'GET //a/../%2e%2E/{b}?c=%zz&&d HTTP/1.1\r\nHost: shop.example\r\nX-MiXed: 1\r\nCookie: a=1\r\nx-mixed: 2\r\nCookie: b=2\r\nX-Request-Id: forged\r\n\r\n',
      );
      const upstream = await instance.connection();
      const request = await upstream.readMessage();
      expect(request.startLine).toBe('GET //a/../%2e%2E/{b}?c=%zz&&d HTTP/1.1');
      expect(request.headers.slice(0, 10)).toEqual([
        'Host',
        'shop.example',
        'X-MiXed',
        '1',
        'Cookie',
        'a=1',
        'x-mixed',
        '2',
        'Cookie',
        'b=2',
      ]);
      expect(valuesOf(request.headers, 'x-request-id')).toEqual(['id-1']);
      upstream.send(
        'HTTP/1.1 299 Very Fine\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-aPP-vERSION: 9\r\nETag: "x"\r\nContent-Length: 2\r\n\r\nok',
      );
      const answer = await peer.readMessage();
      expect(answer.startLine).toBe('HTTP/1.1 299 Very Fine');
      expect(answer.headers.slice(0, 6)).toEqual(['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'ETag', '"x"']);
      expect(valuesOf(answer.headers, 'x-app-version')).toEqual(['3']);
      expect(answer.body.toString()).toBe('ok');
    });

    suite.rule('hop-by-hop headers go no further, in both directions, those named by Connection included', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send(
        'GET /x HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, X-Secret, Host, X-Request-Id\r\nKeep-Alive: timeout=9\r\nX-Secret: 1\r\n' +
          'Proxy-Authorization: x\r\nProxy-Connection: x\r\nTE: trailers\r\nX-Kept: 1\r\n\r\n',
      );
      const upstream = await instance.connection();
      const { headers } = await upstream.readMessage();
      for (const gone of ['x-secret', 'keep-alive', 'proxy-authorization', 'proxy-connection', 'te'])
        expect(valuesOf(headers, gone)).toEqual([]);
      for (const [kept, value] of [
        ['host', 'h'],
        ['x-request-id', 'id-1'],
        ['x-kept', '1'],
      ] as const)
        expect(valuesOf(headers, kept)).toEqual([value]);
      upstream.send('HTTP/1.1 200 OK\r\nConnection: X-Inner\r\nX-Inner: 1\r\nProxy-Authenticate: x\r\nContent-Length: 0\r\n\r\n');
      const answer = await peer.readMessage();
      for (const gone of ['x-inner', 'proxy-authenticate']) expect(valuesOf(answer.headers, gone)).toEqual([]);
    });

    suite.rule('a thousand headers are passed, none silently dropped', async ({ bench }) => {
      const { client, instance } = await bench();
      const peer = await client();
      peer.send(`GET /x HTTP/1.1\r\nHost: h\r\n${'a:\r\n'.repeat(2_500)}Last: 1\r\n\r\n`);
      const upstream = await instance.connection();
      const request = await upstream.readMessage();
      expect(valuesOf(request.headers, 'a')).toHaveLength(2_500);
      expect(valuesOf(request.headers, 'last')).toEqual(['1']);
    });

    suite.rule('bytes above 127 in values pass as they are, both ways', async ({ bench }) => {
      const { begin } = await bench();
      const value = 'caf\xc3\xa9 \xe4\xff';
      const { peer, upstream, head } = await begin(request('/x', `X-Text: ${value}\r\n`));
      expect(valuesOf(head.headers, 'x-text')).toEqual([value]);
      upstream.send(answer('', `X-Text: ${value}\r\n`));
      expect(valuesOf((await peer.readMessage()).headers, 'x-text')).toEqual([value]);
    });

    suite.rule('blanks around a value go, empty values stay', async ({ bench }) => {
      const { begin } = await bench();
      const { peer, upstream } = await begin(request('/x', 'X-Empty:\r\nX-Blank: \t \r\nX-Padded: \t a b \t\r\n'));
      upstream.send(answer('', 'X-Empty:\r\n'));
      const { headers } = await peer.readMessage();
      expect(valuesOf(headers, 'x-empty')).toEqual(['']);
    });

    suite.rule('nothing that Connection names can take away what frames or addresses the message', async ({ bench }) => {
      const { client, instance } = await bench();
      void instance.serve(({ body, headers }) => answer(`${valuesOf(headers, 'host').length}${body.toString()}`));
      for (const name of ['Host', 'Content-Length', 'Transfer-Encoding']) {
        const peer = await client();
        const framing =
          name === 'Transfer-Encoding' ? ['Transfer-Encoding: chunked', '3\r\nabc\r\n0\r\n\r\n'] : ['Content-Length: 3', 'abc'];
        peer.send(request('/x', `Connection: ${name}\r\n${framing[0]}\r\n`, framing[1], 'POST'));
        const { status, body } = await peer.readMessage();
        // Refused, or passed with what it needs.
        if (status !== 400) expect(body.toString()).toBe('1abc');
      }
    });
  });
}
