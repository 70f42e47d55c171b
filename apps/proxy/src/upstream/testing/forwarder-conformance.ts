import { createHash } from 'node:crypto';
import type { CreateForwarder, Forwarder, ForwarderLimits } from '../forwarder.js';
import { FakeGateway } from './fake-gateway.js';
import { RawPeer, valuesOf } from './raw-client.js';
import { RawInstance } from './raw-instance.js';

const TEST_LIMITS: ForwarderLimits = {
  headBytes: 16 * 1024,
  targetBytes: 8 * 1024,
  bodyBytes: 0,
  headTimeoutMs: 10_000,
  clientIdleMs: 10_000,
  connectTimeoutMs: 2_000,
  responseTimeoutMs: 10_000,
  streamIdleMs: 10_000,
  tunnelIdleMs: 10_000,
  instanceIdleMs: 10_000,
  connectionsPerInstance: 100,
  clientConnections: 1_000,
};

interface Bench {
  port: number;
  gateway: FakeGateway;
  forwarder: Forwarder;
  instance: RawInstance;
  client(): Promise<RawPeer>;
}

/** Black-box cases over raw sockets that every forwarder must pass. */
export function describeForwarder(name: string, createForwarder: CreateForwarder): void {
  describe(`forwarder conformance: ${name}`, () => {
    const cleanups: (() => Promise<void> | void)[] = [];
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    });

    async function instance(id = 'a'): Promise<RawInstance> {
      const made = await RawInstance.start(id);
      cleanups.push(() => made.close());
      return made;
    }

    async function bench(limits: Partial<ForwarderLimits> = {}, instances?: RawInstance[]): Promise<Bench> {
      const list = instances ?? [await instance()];
      const gateway = new FakeGateway(list.map((one) => one.state));
      const forwarder = createForwarder(gateway, { ...TEST_LIMITS, ...limits });
      const { port } = await forwarder.listen('127.0.0.1', 0);
      cleanups.push(() => forwarder.close(0));
      return {
        port,
        gateway,
        forwarder,
        instance: list[0] as RawInstance,
        async client() {
          const peer = await RawPeer.connect(port);
          cleanups.push(() => peer.close());
          return peer;
        },
      };
    }

    const GET = 'GET /x HTTP/1.1\r\nHost: shop.example\r\n\r\n';
    const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

    describe('messages', () => {
      it('passes target, header case, order and duplicates, and adds its own headers', async () => {
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

      it('hop-by-hop headers go no further, in both directions, those named by Connection included', async () => {
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

      it('keeps both connections alive from one request to the next', async () => {
        const { client, instance } = await bench();
        const peer = await client();
        peer.send(GET);
        const upstream = await instance.connection();
        for (let round = 0; round < 3; round += 1) {
          await upstream.readMessage();
          upstream.send(OK);
          expect((await peer.readMessage()).status).toBe(200);
          if (round < 2) peer.send(GET);
        }
        expect(instance.accepted).toBe(1);
      });

      it('answers pipelined requests in order', async () => {
        const { client, instance } = await bench();
        const peer = await client();
        // A forwarder may send both at once, on two connections; only the order of the answers counts. The second is answered first if it can be.
        void instance.serve((request) => `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${request.startLine.slice(4, 6)}`);
        peer.send(GET + GET.replace('/x', '/y'));
        for (const path of ['/x', '/y']) expect((await peer.readMessage()).body.toString()).toBe(path);
      });

      it('HEAD keeps the length and has no body', async () => {
        const { client, instance } = await bench();
        const peer = await client();
        peer.send('HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n');
        const upstream = await instance.connection();
        await upstream.readMessage();
        upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n');
        const head = await peer.readMessage({ bodyless: true });
        expect(valuesOf(head.headers, 'content-length')).toEqual(['5000']);
        peer.send(GET);
        await upstream.readMessage();
        upstream.send(OK);
        expect((await peer.readMessage()).body.toString()).toBe('ok');
      });

      for (const status of [204, 304]) {
        it(`${status} has no body and keeps the connection`, async () => {
          const { client, instance } = await bench();
          const peer = await client();
          peer.send(GET);
          const upstream = await instance.connection();
          await upstream.readMessage();
          upstream.send(`HTTP/1.1 ${status} X\r\nETag: "1"\r\n\r\n`);
          const answer = await peer.readMessage();
          expect(answer.status).toBe(status);
          expect(valuesOf(answer.headers, 'transfer-encoding')).toEqual([]);
          peer.send(GET);
          await upstream.readMessage();
          upstream.send(OK);
          expect((await peer.readMessage()).body.toString()).toBe('ok');
        });
      }

      it('chunked both ways, with trailers; forbidden trailer fields are dropped', async () => {
        const { client, instance } = await bench();
        const peer = await client();
        peer.send(
          'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\nHost: evil\r\n\r\n',
        );
        const upstream = await instance.connection();
        const request = await upstream.readMessage();
        expect(request.body.toString()).toBe('abcde');
        expect(request.trailers).toBe('X-Sum: 5\r\n');
        upstream.send(
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n4\r\nwxyz\r\n0\r\nX-End: 1\r\nSet-Cookie: a=1\r\n\r\n',
        );
        const answer = await peer.readMessage();
        expect(answer.body.toString()).toBe('wxyz');
        expect(answer.trailers).toBe('X-End: 1\r\n');
      });

      it('a POST without a body stays without one', async () => {
        const { client, instance } = await bench();
        const peer = await client();
        peer.send('POST /x HTTP/1.1\r\nHost: h\r\n\r\n');
        const { headers } = await (await instance.connection()).readMessage();
        expect(valuesOf(headers, 'content-length')).toEqual(['0']);
        expect(valuesOf(headers, 'transfer-encoding')).toEqual([]);
      });

      it('a DELETE with a chunked body keeps its body and its framing', async () => {
        const { client, instance } = await bench();
        const peer = await client();
        peer.send('DELETE /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
        const request = await (await instance.connection()).readMessage();
        expect(request.body.toString()).toBe('abc');
        expect(valuesOf(request.headers, 'content-length')).toEqual([]);
      });

      it('large bodies both ways arrive whole', async () => {
        const { client, instance } = await bench();
        const peer = await client();
        const body = Buffer.alloc(8 * 1024 * 1024, 'The quick brown fox. ');
        const digest = createHash('sha256').update(body).digest('hex');
        peer.send(`PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n`);
        peer.send(body);
        const upstream = await instance.connection();
        const request = await upstream.readMessage();
        expect(createHash('sha256').update(request.body).digest('hex')).toBe(digest);
        upstream.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
        upstream.send(body);
        const answer = await peer.readMessage();
        expect(createHash('sha256').update(answer.body).digest('hex')).toBe(digest);
      }, 20_000);

      it('an HTTP/1.0 client gets a body without chunks that ends with the connection', async () => {
        const { client, instance } = await bench();
        const peer = await client();
        peer.send('GET /x HTTP/1.0\r\n\r\n');
        const upstream = await instance.connection();
        await upstream.readMessage();
        upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
        const answer = await peer.readMessage();
        expect(valuesOf(answer.headers, 'transfer-encoding')).toEqual([]);
        expect(answer.body.toString()).toBe('abc');
        await peer.untilEnd();
      });

      it('an answer delimited by the end of the connection is passed', async () => {
        const { client, instance } = await bench();
        const peer = await client();
        peer.send(GET);
        const upstream = await instance.connection();
        await upstream.readMessage();
        upstream.send('HTTP/1.0 200 OK\r\n\r\nabc');
        upstream.socket.end();
        expect((await peer.readMessage()).body.toString()).toBe('abc');
      });

      it('a stream of events is not buffered: head and events come one by one', async () => {
        const { client, instance } = await bench();
        const peer = await client();
        peer.send(GET);
        const upstream = await instance.connection();
        await upstream.readMessage();
        upstream.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
        expect((await peer.readHead()).status).toBe(200);
        for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
          upstream.send(`${event.length.toString(16)}\r\n${event}\r\n`);
          const bytes = await peer.readBytes(event.length + 5);
          expect(bytes.toString()).toContain(event);
        }
      });

      it('Expect: 100-continue is decided by the instance', async () => {
        const { client, instance } = await bench();
        const peer = await client();
        peer.send('PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
        const upstream = await instance.connection();
        expect(valuesOf((await upstream.readHead()).headers, 'expect')).toEqual(['100-continue']);
        upstream.send('HTTP/1.1 100 Continue\r\n\r\n');
        expect((await peer.readHead()).status).toBe(100);
        peer.send('abc');
        expect((await upstream.readBytes(3)).toString()).toBe('abc');
        upstream.send(OK);
        expect((await peer.readMessage()).status).toBe(200);
      });

      it('a final answer instead of 100 closes the connection, since the body may or may not follow', async () => {
        const { client, instance } = await bench();
        const peer = await client();
        peer.send('PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
        const upstream = await instance.connection();
        await upstream.readHead();
        upstream.send('HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n');
        const answer = await peer.readMessage();
        expect(answer.status).toBe(401);
        expect(valuesOf(answer.headers, 'connection')).toEqual(['close']);
        await peer.untilEnd();
      });

      it('an early answer to an unfinished upload arrives', async () => {
        const { client, instance, gateway } = await bench();
        const peer = await client();
        peer.send('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc');
        const upstream = await instance.connection();
        await upstream.readHead();
        upstream.send('HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno');
        expect((await peer.readMessage()).body.toString()).toBe('no');
        await gateway.ended(1);
        await upstream.untilEnd();
      });
    });

    describe('failures', () => {
      it('502 upstream_connect_failed when nobody listens', async () => {
        const dead = await instance();
        await dead.stopAccepting();
        const { client, gateway } = await bench({}, [dead]);
        const peer = await client();
        peer.send(GET);
        const answer = await peer.readMessage();
        expect(answer.status).toBe(502);
        expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'upstream_connect_failed', status: 502 });
        expect(valuesOf(answer.headers, 'content-type')).toEqual(['application/problem+json']);
        expect(valuesOf(answer.headers, 'x-request-id')).toEqual(['id-1']);
        expect(gateway.failures).toEqual(['connect_failed']);
      });

      it('a failed connect is tried on another instance, the body untouched', async () => {
        const dead = await instance('dead');
        await dead.stopAccepting();
        const alive = await instance('alive');
        const { client } = await bench({}, [dead, alive]);
        const peer = await client();
        peer.send('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc');
        const upstream = await alive.connection();
        expect((await upstream.readMessage()).body.toString()).toBe('abc');
        upstream.send(OK);
        expect((await peer.readMessage()).status).toBe(200);
      });

      it('a kept connection that the instance closes at the moment of its reuse is not the client’s problem', async () => {
        const { client, instance, gateway } = await bench();
        const peer = await client();
        peer.send(GET);
        const first = await instance.connection();
        await first.readMessage();
        first.send(OK);
        await peer.readMessage();
        peer.send(GET);
        await first.readMessage();
        first.reset();
        const second = await instance.connection();
        await second.readMessage();
        second.send(OK);
        expect((await peer.readMessage()).status).toBe(200);
        expect(gateway.failures).toEqual(['stale_connection']);
      });

      it('502 upstream_reset when the instance resets before an answer; a POST is never sent twice', async () => {
        const { client, instance, gateway } = await bench();
        const peer = await client();
        peer.send('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc');
        const upstream = await instance.connection();
        await upstream.readMessage();
        upstream.reset();
        const answer = await peer.readMessage();
        expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'upstream_reset', status: 502 });
        expect(gateway.failures).toEqual([]);
        expect(instance.accepted).toBe(1);
      });

      it('a reset in the middle of the answer never looks like its end', async () => {
        for (const head of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
          const { client, instance, gateway } = await bench();
          const peer = await client();
          peer.send(GET);
          const upstream = await instance.connection();
          await upstream.readMessage();
          upstream.send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n3\r\nabc\r\n`);
          await peer.readHead();
          upstream.reset();
          await peer.untilEnd();
          expect(peer.received).not.toContain('0\r\n\r\n');
          await gateway.ended(1);
          expect(gateway.results).toEqual([{ status: 200, outcome: 'cut' }]);
        }
      });

      const badAnswers = {
        'no HTTP': 'SSH-2.0-OpenSSH\r\n\r\n',
        'a bad status': 'HTTP/1.1 abc OK\r\n\r\n',
        'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
        'a length and chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        'a switch of protocols that nobody asked for': 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
        'a head without end': `HTTP/1.1 200 OK\r\n${'X-Long: 1\r\n'.repeat(10_000)}`,
      };
      for (const [title, bytes] of Object.entries(badAnswers)) {
        it(`502 upstream_bad_response: ${title}`, async () => {
          const { client, instance } = await bench();
          const peer = await client();
          peer.send(GET);
          const upstream = await instance.connection();
          await upstream.readMessage();
          upstream.send(bytes);
          const answer = await peer.readMessage();
          expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'upstream_bad_response', status: 502 });
        });
      }

      it('504 upstream_timeout when the instance does not answer', async () => {
        const { client, instance } = await bench({ responseTimeoutMs: 50 });
        const peer = await client();
        peer.send(GET);
        const upstream = await instance.connection();
        const answer = await peer.readMessage();
        expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'upstream_timeout', status: 504 });
        await upstream.untilEnd();
      });

      it('the client goes away: the request at the instance is ended, and counted once', async () => {
        const { client, instance, gateway } = await bench();
        const peer = await client();
        peer.send(GET);
        const upstream = await instance.connection();
        await upstream.readMessage();
        peer.close();
        await upstream.untilEnd();
        await gateway.ended(1);
        expect(gateway.results).toEqual([{ status: 0, outcome: 'client_gone' }]);
        expect(gateway.running).toBe(0);
      });

      it('the client goes away in the middle of a download or an upload: the instance’s connection is closed', async () => {
        for (const upload of [false, true]) {
          const { client, instance, gateway } = await bench();
          const peer = await client();
          peer.send(upload ? 'PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc' : GET);
          const upstream = await instance.connection();
          await upstream.readHead();
          if (upload) await upstream.readBytes(3);
          else {
            upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc');
            await peer.readHead();
          }
          peer.reset();
          await upstream.untilEnd();
          await gateway.ended(1);
          expect(gateway.results[0]?.outcome).toBe('client_gone');
        }
      });
    });

    describe('limits', () => {
      const refused: { title: string; request: string; code: string; status: number; limits?: Partial<ForwarderLimits> }[] = [
        {
          title: '431 for a head over the limit',
          request: `GET /x HTTP/1.1\r\nHost: h\r\nX-Long: ${'a'.repeat(17_000)}\r\n\r\n`,
          code: 'header_too_large',
          status: 431,
        },
        {
          title: '414 for a target over the limit',
          request: `GET /${'a'.repeat(9_000)} HTTP/1.1\r\nHost: h\r\n\r\n`,
          code: 'uri_too_long',
          status: 414,
        },
        {
          title: '413 by length',
          request: 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n',
          code: 'body_too_large',
          status: 413,
          limits: { bodyBytes: 10 },
        },
        {
          title: '413 by chunks',
          request: 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n',
          code: 'body_too_large',
          status: 413,
          limits: { bodyBytes: 10 },
        },
        { title: '400 without Host', request: 'GET /x HTTP/1.1\r\n\r\n', code: 'bad_request', status: 400 },
        { title: '400 with two Hosts', request: 'GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', code: 'bad_request', status: 400 },
        {
          title: '400 with a length and chunks',
          request: 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
          code: 'bad_request',
          status: 400,
        },
        {
          title: '400 with unequal lengths',
          request: 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
          code: 'bad_request',
          status: 400,
        },
        {
          title: '400 with an unknown transfer coding',
          request: 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
          code: 'bad_request',
          status: 400,
        },
        { title: '400 for what is no HTTP', request: '\x16\x03\x01\x02\x00\r\n\r\n', code: 'bad_request', status: 400 },
        { title: '400 for a space before the colon', request: 'GET /x HTTP/1.1\r\nHost : h\r\n\r\n', code: 'bad_request', status: 400 },
        { title: '400 for CONNECT', request: 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', code: 'bad_request', status: 400 },
        {
          title: '408 for a head that does not come',
          request: 'GET /x HTTP/1.1\r\nHost: h\r\n',
          code: 'request_timeout',
          status: 408,
          limits: { headTimeoutMs: 50 },
        },
      ];
      for (const { title, request, code, status, limits } of refused) {
        it(title, async () => {
          const { client } = await bench(limits);
          const peer = await client();
          peer.send(request);
          const answer = await peer.readMessage();
          expect(answer.status).toBe(status);
          expect(JSON.parse(answer.body.toString())).toMatchObject({ code, status });
          expect(valuesOf(answer.headers, 'x-request-id')).toHaveLength(1);
        });
      }

      it('a thousand headers are passed, none silently dropped', async () => {
        const { client, instance } = await bench();
        const peer = await client();
        peer.send(`GET /x HTTP/1.1\r\nHost: h\r\n${'a:\r\n'.repeat(2_500)}Last: 1\r\n\r\n`);
        const upstream = await instance.connection();
        const request = await upstream.readMessage();
        expect(valuesOf(request.headers, 'a')).toHaveLength(2_500);
        expect(valuesOf(request.headers, 'last')).toEqual(['1']);
      });

      it('a refused upload is read to its end, so that the client sees the answer', async () => {
        const { client } = await bench();
        const peer = await client();
        peer.send('POST /refused HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n');
        const answer = await peer.readMessage();
        expect(answer.status).toBe(404);
        peer.send(Buffer.alloc(100_000));
        await peer.untilEnd();
      });

      it('a broken pipelined request does not disturb the answer before it', async () => {
        const { client, instance } = await bench();
        const peer = await client();
        peer.send(`${GET}BROKEN\r\n\r\n`);
        const upstream = await instance.connection();
        await upstream.readMessage();
        upstream.send(OK);
        expect((await peer.readMessage()).body.toString()).toBe('ok');
        await peer.untilEnd();
      });
    });

    describe('upgrades', () => {
      const HANDSHAKE =
        'GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
      const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n';

      it('WebSocket: bytes go both ways, early ones included, and count as in flight until the end', async () => {
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
        expect(gateway.results).toEqual([{ status: 101, outcome: 'complete' }]);
      });

      it('either side of a tunnel that breaks takes the other with it, and nothing else', async () => {
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

      it('an instance that declines the upgrade is heard, its chunks decoded', async () => {
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

      it('a failed connect is tried on another instance; with none left 502', async () => {
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

      it('the client goes away before the instance has answered the handshake', async () => {
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

      it('another protocol is answered in HTTP/1.1', async () => {
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

    describe('leaving', () => {
      it('close lets a running request finish, ends its connection and accepts no other', async () => {
        const { client, instance, forwarder, port } = await bench();
        const peer = await client();
        const idle = await client();
        peer.send(GET);
        const upstream = await instance.connection();
        await upstream.readMessage();
        const closed = forwarder.close(5_000);
        await idle.untilEnd();
        await expect(RawPeer.connect(port)).rejects.toThrow('ECONNREFUSED');
        upstream.send(OK);
        const answer = await peer.readMessage();
        expect(answer.body.toString()).toBe('ok');
        expect(valuesOf(answer.headers, 'connection')).toEqual(['close']);
        await closed;
      });

      it('close cuts off what exceeds the grace time, tunnels included', async () => {
        const { client, instance, forwarder, gateway } = await bench();
        const peer = await client();
        peer.send(GET);
        await (await instance.connection()).readMessage();
        await forwarder.close(20);
        await peer.untilEnd();
        expect(gateway.running).toBe(0);
      });

      it('an instance that leaves finishes what it has; its idle connections are closed at once', async () => {
        const { client, instance, forwarder } = await bench();
        const [busyClient, idleClient] = [await client(), await client()];
        busyClient.send(GET);
        const busy = await instance.connection();
        await busy.readMessage();
        idleClient.send(GET);
        const idle = await instance.connection();
        await idle.readMessage();
        idle.send(OK);
        await idleClient.readMessage();
        instance.state.leaving = true;
        forwarder.release(instance.state);
        await idle.untilEnd();
        busy.send(OK);
        expect((await busyClient.readMessage()).body.toString()).toBe('ok');
        await busy.untilEnd();
      });
    });
  });
}
