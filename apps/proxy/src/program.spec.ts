import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import { call, cleanUp, cleanups, instance, PATH, shop } from './testing/proxy-bench.js';
import { startProgram } from './testing/proxy-program.js';
import { SELF_SIGNED } from './testing/self-signed.js';

afterEach(cleanUp);

const CART = `${PATH}/services/cart/methods/x`;

/** Echoes what it gets, as what it got it; `4xxx` as a text closes with that code. */
async function echoing() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: (protocols) => [...protocols][0] ?? false });
  await once(server, 'listening');
  const closes: { code: number; reason: string }[] = [];
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => {
      const code = isBinary ? 0 : Number(data.toString());
      if (code >= 4_000) socket.close(code, `you said ${code}`);
      else socket.send(data, { binary: isBinary });
    });
    socket.on('close', (code, reason) => closes.push({ code, reason: reason.toString() }));
  });
  cleanups.push(
    () =>
      new Promise<void>((resolve) => {
        for (const client of server.clients) client.terminate();
        server.close(() => resolve());
      }),
  );
  return { server, closes, part: { id: 'echo', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } };
}

async function open(proxyUrl: string, protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(`${proxyUrl.replace('http', 'ws')}${CART}`, protocols);
  cleanups.push(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

async function ask(socket: WebSocket, message: string | Buffer): Promise<{ data: Buffer; isBinary: boolean }> {
  socket.send(message);
  const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
  return { data, isBinary };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('the condition was not met in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function start(part: { id: string; url: string }, settings: Record<string, string> = {}) {
  return startProgram([shop(1, { 1: [part] }, { 1: 10_000 })], settings);
}

describe('issue 3: WebSocket through the real program', () => {
  it('text, binary, large and empty messages, ping, subprotocol', async () => {
    const { part } = await echoing();
    const { proxyUrl } = await start(part);
    const socket = await open(proxyUrl, ['chat.v2', 'chat.v1']);
    expect(socket.protocol).toBe('chat.v2');
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    for (const message of ['grüße 🌍', '', everyByte, Buffer.alloc(0), Buffer.alloc(1_000_000, 7), 'x'.repeat(100_000)]) {
      const { data, isBinary } = await ask(socket, message);
      expect([data.equals(Buffer.from(message as string)), isBinary]).toEqual([true, Buffer.isBuffer(message)]);
    }
    socket.ping('are you there');
    expect(String((await once(socket, 'pong'))[0])).toBe('are you there');
  });

  it('close codes and reasons arrive, from either side', async () => {
    const { part, closes } = await echoing();
    const { proxyUrl } = await start(part);
    const first = await open(proxyUrl);
    first.close(4_321, 'enough');
    expect((await once(first, 'close'))[0]).toBe(4_321);
    await until(() => closes.length === 1);
    expect(closes).toEqual([{ code: 4_321, reason: 'enough' }]);
    const second = await open(proxyUrl);
    second.send('4567');
    const [code, reason] = (await once(second, 'close')) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4_567, 'you said 4567']);
  });

  it('a thousand at once, each with its own answers', async () => {
    const { part, server } = await echoing();
    const { proxyUrl } = await start(part, { FABRIC_PROXY_CONNECT_TIMEOUT_MS: '30000' });
    const sockets: WebSocket[] = [];
    // A hundred at a time: a listener's backlog has its own bound.
    for (let i = 0; i < 10; i += 1) sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => open(proxyUrl)))));
    expect(server.clients.size).toBe(1_000);
    const answers = await Promise.all(sockets.map((socket, i) => ask(socket, `peer ${i}`)));
    expect(answers.map(({ data }) => data.toString())).toEqual(sockets.map((_, i) => `peer ${i}`));
    const closed = sockets.map((socket) => once(socket, 'close'));
    for (const socket of sockets) socket.close();
    await Promise.all(closed);
    await until(() => server.clients.size === 0);
  });

  it('a stop leaves open ones their time, and ends with 0 when they are done', async () => {
    const { part } = await echoing();
    const { proxyUrl, child, exited } = await start(part, { FABRIC_PROXY_LAME_DUCK_MS: '0' });
    const socket = await open(proxyUrl);
    child.kill('SIGTERM');
    // Nobody else is let in: the stop has begun.
    let refused = false;
    while (!refused)
      refused = await call(`${proxyUrl}${CART}`).then(
        () => false,
        () => true,
      );
    expect((await ask(socket, 'still here')).data.toString()).toBe('still here');
    socket.close(1_000);
    expect((await once(socket, 'close'))[0]).toBe(1_000);
    expect(await exited).toEqual([0, null]);
  });

  it('a stop does not wait for ever', async () => {
    const { part, closes } = await echoing();
    const { proxyUrl, child, exited } = await start(part, { FABRIC_PROXY_SHUTDOWN_GRACE_MS: '100' });
    const socket = await open(proxyUrl);
    socket.on('error', () => undefined);
    child.kill('SIGTERM');
    expect((await once(socket, 'close'))[0]).toBe(1_006);
    expect(await exited).toEqual([0, null]);
    await until(() => closes.length === 1);
    expect(closes[0]?.code).toBe(1_006);
  });
});

describe.each(['native', 'http-proxy'])('issue 3: through the real program, engine %s', (FABRIC_PROXY_ENGINE) => {
  it('server-sent events: each arrives before the next is made', async () => {
    const events: ((event: string) => void)[] = [];
    const source = await instance('events', (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.flushHeaders();
      events.push((event) => void res.write(`data: ${event}\n\n`));
    });
    const { proxyUrl } = await start(source, { FABRIC_PROXY_ENGINE });
    const request = get(`${proxyUrl}${CART}`, { agent: false });
    cleanups.push(() => request.destroy());
    request.on('error', () => undefined);
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    expect(answer.headers['content-type']).toBe('text/event-stream');
    for (let i = 0; i < 20; i += 1) {
      events[0]?.(`event ${i}`);
      expect(String((await once(answer, 'data'))[0])).toBe(`data: event ${i}\n\n`);
    }
  });

  describe('an instance that speaks TLS', () => {
    async function secure() {
      const hosts: (string | undefined)[] = [];
      const server = createTlsServer(SELF_SIGNED, (req, res) => {
        hosts.push(req.headers.host);
        res.end('over TLS');
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      cleanups.push(() => {
        server.closeAllConnections();
        server.close();
      });
      const { port } = server.address() as AddressInfo;
      return { hosts, url: `https://127.0.0.1:${port}`, misnamed: `https://localhost:${port}` };
    }

    const trusting = async () => {
      const folder = await mkdtemp(join(tmpdir(), 'fabric-ca-'));
      cleanups.push(() => rm(folder, { recursive: true }));
      await writeFile(join(folder, 'ca.pem'), SELF_SIGNED.cert);
      return { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') };
    };

    it('is reached when its certificate is trusted, the client’s Host as it came', async () => {
      const { hosts, url } = await secure();
      const { proxyUrl } = await start({ id: 'tls', url }, { FABRIC_PROXY_ENGINE, ...(await trusting()) });
      for (let i = 0; i < 3; i += 1)
        expect(await call(`${proxyUrl}${CART}`, { host: 'shop.example' })).toMatchObject({ status: 200, text: 'over TLS' });
      expect(hosts).toEqual(['shop.example', 'shop.example', 'shop.example']);
    });

    for (const [title, trusted, misnamed] of [
      ['nobody vouches for', false, false],
      ['is another’s', true, true],
    ] as const) {
      it(`502 upstream_connect_failed, and nothing is said to it, when its certificate ${title}`, async () => {
        const tls = await secure();
        const { proxyUrl } = await start(
          { id: 'tls', url: misnamed ? tls.misnamed : tls.url },
          {
            FABRIC_PROXY_ENGINE,
            ...(trusted ? await trusting() : {}),
          },
        );
        const answer = await call(`${proxyUrl}${CART}`);
        expect([answer.status, answer.json().code]).toEqual([502, 'upstream_connect_failed']);
        expect(tls.hosts).toEqual([]);
      });
    }
  });
});
