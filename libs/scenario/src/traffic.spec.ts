import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Traffic, type TrafficAnswer } from './traffic.js';

const good: RequestListener = (request, response) => answer(response, { version: request.socket.remotePort! % 2 ? 1 : 2 });
let server: Server;
let traffic: Traffic;
let listener: RequestListener;

function answer(
  response: Parameters<RequestListener>[1],
  over: { version: number; total?: number; header?: string; status?: number },
): void {
  const artifactVersion = over.version === 1 ? '1.0.0' : '2.0.0';
  const total = over.total ?? (over.version === 1 ? 3724 : 3351);
  response.writeHead(over.status ?? 200, { 'x-app-version': over.header ?? String(over.version), 'x-artifact-version': artifactVersion });
  response.end(JSON.stringify({ version: over.version, artifactVersion, total }));
}

beforeEach(async () => {
  listener = good;
  server = createServer((request, response) => listener(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxies = [`http://127.0.0.1:${(server.address() as AddressInfo).port}`];
  traffic = new Traffic({ proxies, namespace: 'default', app: 'shop', clients: 4, pauseMs: 0 });
});

afterEach(async () => {
  await traffic.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('traffic', () => {
  it('counts exactly the wanted number of requests per version', async () => {
    traffic.start();
    const window = await traffic.measure(200);
    expect(window.requests).toBe(200);
    expect(window.failures).toBe(0);
    expect(Object.values(window.byVersion).reduce((sum, count) => sum + count, 0)).toBe(200);
  });

  it('counts in a window only what was sent after it was opened', async () => {
    traffic.start();
    await traffic.measure(50);
    listener = (_request, response) => answer(response, { version: 2 });
    const window = await traffic.measure(200);
    expect(window.byVersion).toEqual({ 2: 200 });
  });

  const failures: [string, RequestListener, RegExp][] = [
    ['a 503', (_request, response) => answer(response, { version: 1, status: 503 }), /status 503/],
    ['a 404', (_request, response) => answer(response, { version: 1, status: 404 }), /status 404/],
    ['a broken connection', (request) => request.socket.destroy(), /ECONNRESET/],
    ['a header of another version', (_request, response) => answer(response, { version: 1, header: '2' }), /header says version 2/],
    ['a wrong total', (_request, response) => answer(response, { version: 2, total: 1 }), /total is 1/],
    ['a body that is not JSON', (_request, response) => void response.setHeader('x-app-version', '1').end('hello'), /not JSON/],
    ['an answer without version', (_request, response) => void response.end('{}'), /no X-App-Version/],
  ];
  for (const [what, broken, reason] of failures) {
    it(`counts ${what} as a failure`, async () => {
      listener = broken;
      traffic.start();
      const window = await traffic.measure(20);
      expect(window.failures).toBe(20);
      expect(traffic.firstFailures[0]?.reason).toMatch(reason);
    });
  }

  it.each<[string, RequestListener, object]>([
    ['a good one', (_request, response) => answer(response, { version: 1 }), { version: '1' }],
    ['a version that fails', (_request, response) => answer(response, { version: 2, status: 500 }), { version: '2', ownFailure: true }],
    [
      'what somebody else said in its name',
      (_request, response) => answer(response, { version: 1, header: '2', status: 502 }),
      { version: '2', ownFailure: false },
    ],
    [
      'a failure that is not JSON',
      (_request, response) => void response.writeHead(502, { 'x-app-version': '2' }).end('broken'),
      { version: '2', ownFailure: false },
    ],
  ])('tells of every answer: %s', async (_, said, expected) => {
    listener = said;
    const answers: TrafficAnswer[] = [];
    const proxies = [`http://127.0.0.1:${(server.address() as AddressInfo).port}`];
    const told = new Traffic({ proxies, namespace: 'default', app: 'shop', clients: 1, pauseMs: 0, onAnswer: (one) => answers.push(one) });
    told.start();
    await told.measure(3);
    const { requests } = await told.stop();
    expect(answers).toHaveLength(requests);
    expect(answers[0]).toMatchObject(expected);
    expect(answers[0]!.endedAtMs).toBeGreaterThanOrEqual(answers[0]!.sentAtMs);
  });

  it('lets what is in flight finish when it is stopped', async () => {
    const held: (() => void)[] = [];
    const arrived = new Promise<void>((resolve) => {
      listener = (_request, response) => {
        held.push(() => answer(response, { version: 1 }));
        if (held.length === 4) resolve();
      };
    });
    traffic.start();
    await arrived;
    const stopped = traffic.stop();
    for (const finish of held) finish();
    expect(await stopped).toEqual({ requests: 4, byVersion: { 1: 4 }, failures: 0 });
  });
});
