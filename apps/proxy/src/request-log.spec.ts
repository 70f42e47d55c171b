import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { OtlpReceiver } from '@app-fabric/tracing/testing';
import type { ProxyOptions } from './start-proxy.js';
import { FakeBus } from './table/testing/fake-bus.js';
import { call, cleanUp, cleanups, instance, PATH, shop, start } from './testing/proxy-bench.js';
import { startProgram } from './testing/proxy-program.js';

afterEach(cleanUp);

type Line = Record<string, unknown> & { level: string; text: string };

const RUN = 'b54ee6ef-8a05-4a5c-9de0-5f8a4b1c6c43';
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SECRETS = {
  Authorization: 'Bearer secret-1',
  Cookie: 'session=secret-2',
  'X-Api-Key': 'secret-3',
  traceparent: `00-${TRACE}-b7ad6b7169203331-01`,
};

/** A proxy with an instance that answers by the path: `/fail` is 500, `/cut` half an answer, all else 200 with a cookie. */
async function proxyWithLog(options: Partial<ProxyOptions> = {}) {
  const lines: Line[] = [];
  const write = (level: string) => (fields: object, text: string) => void lines.push({ ...fields, level, text });
  const server = await instance('one', (req, res) => {
    if (req.url?.startsWith('/fail')) res.writeHead(500).end('no');
    else if (req.url?.startsWith('/cut')) {
      res.writeHead(200, { 'Content-Length': '100' }).write('half');
      setTimeout(() => res.destroy(), 1);
    } else res.writeHead(200, { 'Set-Cookie': 'session=secret-4' }).end('yes');
  });
  const document = shop(1, { 1: [server], 2: [] }, { 1: 10_000 });
  document.routes.services[0]!.versions[0]!.runId = RUN;
  const bus = new FakeBus();
  bus.store('e1', 1, [document]);
  const proxy = await start(bus, { log: { info: write('info'), warn: write('warn') }, ...options });
  lines.length = 0;
  const get = (path: string, headers: Record<string, string> = SECRETS) => call(`${proxy.proxyUrl}${PATH}${path}`, headers);
  /** A line is written when the answer is out, which may be after the client has it. */
  const written = async (count: number) => {
    for (const deadline = Date.now() + 10_000; lines.length < count && Date.now() < deadline; ) await setImmediate();
    expect(lines).toHaveLength(count);
  };
  return { proxy, lines, written, get, server };
}

describe.each(['native', 'http-proxy'] as const)('lines of requests (%s)', (engine) => {
  it('by default: errors only, of an instance and of the proxy, each one line', async () => {
    const { lines, written, get, server } = await proxyWithLog({ engine });
    await get('/services/cart/methods/total/17?access_token=secret-5');
    await get('/services/other/methods/x');
    expect(lines).toEqual([]);

    await get('/services/cart/methods/fail/17?access_token=secret-5');
    await written(1);
    expect(lines[0]).toMatchObject({
      level: 'warn',
      text: 'request failed',
      namespace: 'default',
      app: 'shop',
      service: 'cart',
      version: '1',
      runId: RUN,
      instanceId: 'one',
      instanceUrl: server.url,
      routeReason: 'weighted',
      traceId: TRACE,
      requestId: expect.stringMatching(/^[0-9a-f]{32}$/),
      method: 'GET',
      path: '/fail/{}',
      status: 500,
      outcome: 'complete',
    });
    expect(lines[0]!.durationMs).toEqual(expect.any(Number));

    await get('/versions/2/services/cart/methods/x');
    await written(2);
    expect(lines[1]).toMatchObject({ status: 503, code: 'version_unavailable', traceId: TRACE, version: undefined, instanceId: undefined });
    await server.close();
    await get('/services/cart/methods/total', { ...SECRETS, 'X-Request-Id': 'mine' });
    await written(3);
    expect(lines[2]).toMatchObject({ status: 502, code: 'upstream_connect_failed', requestId: 'mine', instanceId: 'one', runId: RUN });
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  it('an answer that an instance cut is an error too', async () => {
    const { lines, written, get } = await proxyWithLog({ engine });
    await expect(get('/services/cart/methods/cut')).rejects.toThrow();
    await written(1);
    expect(lines).toEqual([expect.objectContaining({ status: 200, outcome: 'cut', level: 'warn' })]);
  });

  it('with a ratio of 1 every request has its line, refused ones and what is no request too, and no secret is in any', async () => {
    const { proxy, lines, written, get } = await proxyWithLog({ engine, requestLog: { ratio: 1 } });
    await get('/services/cart/methods/total?access_token=secret-5');
    await written(1);
    await get('/services/other/methods/x?access_token=secret-5');
    await written(2);
    const socket = connect(Number(new URL(proxy.proxyUrl).port), '127.0.0.1');
    socket.resume().end('GET / HTTP/1.1\r\nno field: secret-6\r\n\r\n');
    await once(socket, 'close');
    await written(3);
    expect(lines).toMatchObject([
      { level: 'info', text: 'request', path: '/total', status: 200, routeReason: 'weighted', instanceId: 'one', runId: RUN },
      { level: 'info', status: 404, code: 'service_not_found', traceId: TRACE },
      { level: 'info', status: 400, code: 'bad_request' },
    ]);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });
});

describe('the real program', () => {
  it.each(['1', '2'])(
    'sends its lines to a receiver of OTLP too (workers: %s)',
    async (workers) => {
      const receiver = await OtlpReceiver.start();
      cleanups.push(() => receiver.stop());
      const server = await instance('one');
      const settings = {
        FABRIC_PROXY_WORKERS: workers,
        FABRIC_PROXY_REQUEST_LOG_RATIO: '1',
        OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `${receiver.url}/v1/logs`,
        OTEL_BLRP_SCHEDULE_DELAY: '50',
      };
      const { proxyUrl } = await startProgram([shop(1, { 1: [server] }, { 1: 10_000 })], settings);
      await call(`${proxyUrl}${PATH}/services/cart/methods/orders/17`, SECRETS);
      const line = await receiver.untilLine((lines) => lines.find(({ body }) => body === 'request'));
      expect(line).toMatchObject({
        severityText: 'info',
        traceId: TRACE,
        attributes: { program: 'proxy', 'fabric.app': 'shop', 'fabric.version': '1', 'fabric.instance.id': 'one', path: '/orders/{}' },
        resource: { 'service.name': 'app-fabric-proxy' },
      });
      expect(receiver.spans).toEqual([]);
    },
    30_000,
  );
});
