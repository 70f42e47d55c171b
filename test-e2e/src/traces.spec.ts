import { eventually, sendHttp } from '@app-fabric/scenario';
import { type Behaviour, OtlpReceiver, type ReceivedSpan } from '@app-fabric/tracing/testing';
import { describeWithServers } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';
import { OwnInstance } from './harness/own-instance.js';
import { Program } from './harness/program.js';

const NS = '/namespaces/default';
const RATIO = 0.1;
/** An end must not be held up; a busy machine takes some time all the same. */
const STOP_MS = 20_000;

/** Each test has a trace of its own. */
let traces = 0;
function newTrace() {
  traces += 1;
  const traceId = traces.toString(16).padStart(32, 'a');
  return { traceId, headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01`, tracestate: 'vendor=x' } };
}

const settingsFor = (receiver: OtlpReceiver) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
  OTEL_TRACES_SAMPLER_ARG: String(RATIO),
  OTEL_BSP_SCHEDULE_DELAY: '100',
});

/** An app `cart` of one version, served by an instance in the test. */
async function appOf(fabric: Fabric, instance: OwnInstance, name: string) {
  const { client } = fabric;
  const app = fabric.appName(name);
  const path = `${NS}/apps/${app}`;
  await client.call('PUT', `${NS}/artifacts/${app}/versions/1.0.0`, { json: { programs: [{ name: 'cart', type: 'service' }] } });
  await client.call('POST', `${path}/versions`, { json: { artifact: { name: app, version: '1.0.0' } } });
  const json = { url: instance.url, ttlSeconds: 3_600 };
  await client.call('PUT', `${path}/versions/1/services/cart/instances/i-1`, { json, wait: 10 });
  return { app, path };
}

describeWithServers('issue 4: traces', () => {
  let receiver: OtlpReceiver;
  let fabric: Fabric;
  let instance: OwnInstance;
  let app: string;
  let path: string;

  beforeAll(async () => {
    receiver = await OtlpReceiver.start();
    instance = await OwnInstance.start();
    fabric = await Fabric.start({ proxies: 2, workers: 2, settings: settingsFor(receiver) });
    ({ app, path } = await appOf(fabric, instance, 'traced'));
  }, 180_000);
  afterAll(async () => {
    await fabric?.stop();
    await instance?.stop();
    await receiver?.stop();
  }, 120_000);

  const ofTrace = (traceId: string, enough: (spans: readonly ReceivedSpan[]) => boolean) =>
    receiver.until((spans) => {
      const own = spans.filter((span) => span.traceId === traceId);
      return enough(own) ? own : undefined;
    });
  const kinds = (spans: readonly ReceivedSpan[], kind: ReceivedSpan['kind'], service = '') =>
    spans.filter((span) => span.kind === kind && String(span.resource['service.name']).includes(service));

  it('a request from the consumer through the proxy to the instance, and on to the API, is one trace', async () => {
    const { traceId, headers } = newTrace();
    instance.handle = (request, response) => {
      const onward = { authorization: `Bearer ${fabric.token}`, traceparent: String(request.headers.traceparent) };
      void sendHttp('GET', `${fabric.api.ready.api}/v1${path}`, { headers: onward }).then(() => response.end('ok'));
    };
    expect((await sendHttp('GET', fabric.cartUrl(app, '/total?token=secret'), { headers })).status).toBe(200);
    const spans = await ofTrace(traceId, (own) => kinds(own, 'server').length === 2);
    const [server] = kinds(spans, 'server', 'proxy');
    const [client] = kinds(spans, 'client', 'proxy');
    const [asked] = kinds(spans, 'server', 'api');
    expect([server!.parentSpanId, client!.parentSpanId, asked!.parentSpanId]).toEqual(['b7ad6b7169203331', server!.spanId, client!.spanId]);
    expect(instance.seen.at(-1)!.headers).toMatchObject({ traceparent: `00-${traceId}-${client!.spanId}-01`, tracestate: 'vendor=x' });
    const { items } = await fabric.client.call('GET', `${path}/versions/1/services/cart/runs`);
    const routed = { 'fabric.app': app, 'fabric.service': 'cart', 'fabric.version': 1, 'fabric.run.id': items[0].runId };
    expect(server).toMatchObject({ tracestate: 'vendor=x', attributes: { ...routed, 'fabric.route.reason': 'weighted' } });
    expect(client).toMatchObject({ attributes: { ...routed, 'http.response.status_code': 200 } });
    expect(asked).toMatchObject({ name: 'GET /v1/namespaces/:ns/apps/:app', attributes: { 'fabric.app': app } });
    expect(spans.map(({ attributes }) => JSON.stringify(attributes)).join()).not.toContain('secret');
  });

  it('a change of a distribution is one trace: request, statements, publishing, and each proxy’s applying of it', async () => {
    const { traceId, headers } = newTrace();
    await fabric.client.call('PUT', `${path}/distribution`, { json: { weights: { 1: 100 }, reason: 'traced' }, headers, wait: 10 });
    const spans = await ofTrace(traceId, (own) => kinds(own, 'consumer').length === 2 && kinds(own, 'server').length === 1);
    const [request] = kinds(spans, 'server');
    const [publish, ...again] = kinds(spans, 'producer');
    const applied = kinds(spans, 'consumer');
    expect(request).toMatchObject({ name: 'PUT /v1/namespaces/:ns/apps/:app/distribution', parentSpanId: 'b7ad6b7169203331' });
    const statements = kinds(spans, 'client');
    expect(statements.every(({ parentSpanId }) => parentSpanId === request!.spanId)).toBe(true);
    expect(statements.map(({ attributes }) => attributes['db.operation.name'])).toEqual(
      expect.arrayContaining(['START', 'SELECT', 'COMMIT']),
    );
    expect(again).toEqual([]);
    expect(publish).toMatchObject({ parentSpanId: request!.spanId, attributes: { 'fabric.app': app } });
    expect(applied.map(({ parentSpanId }) => parentSpanId)).toEqual([publish!.spanId, publish!.spanId]);
    expect(new Set(applied.map(({ attributes }) => attributes['fabric.proxy.id'])).size).toBe(2);
    expect(applied.map(({ attributes }) => attributes['fabric.route.revision'])).toEqual(
      Array(2).fill(publish!.attributes['fabric.route.revision']),
    );
  });

  it('a recent error names the trace of its request', async () => {
    const { traceId, headers } = newTrace();
    instance.handle = (_request, response) => response.writeHead(500).end();
    expect((await sendHttp('GET', fabric.cartUrl(app, '/fails', 1), { headers })).status).toBe(500);
    const spans = await ofTrace(traceId, (own) => own.length === 2);
    expect(spans.map(({ failed, attributes }) => [failed, attributes['error.type']])).toEqual(Array(2).fill([true, '500']));
    const error = await eventually('the error is listed', 20_000, async () => {
      const { items } = await fabric.client.call('GET', `${path}/errors`);
      return (items as { traceId: string; runId: string }[]).find((one) => one.traceId === traceId);
    });
    expect(error.runId).toBe(spans[0]!.attributes['fabric.run.id']);
  });

  it('of the requests that begin a trace, the share is recorded that was asked for, and instances are told', async () => {
    instance.handle = (_request, response) => response.end('ok');
    instance.seen.length = 0;
    const count = 600;
    const before = receiver.spans.length;
    const clients = Array.from({ length: 10 }, async (_, client) => {
      for (let index = 0; index < count / 10; index += 1) await sendHttp('GET', fabric.cartUrl(app, '/ratio', client % 2));
    });
    await Promise.all(clients);
    const sampled = instance.seen.filter(({ headers }) => String(headers.traceparent).endsWith('-01'));
    expect(instance.seen).toHaveLength(count);
    // Five standard deviations of a binomial distribution.
    expect(Math.abs(sampled.length - count * RATIO)).toBeLessThan(5 * Math.sqrt(count * RATIO * (1 - RATIO)));
    const told = new Set(sampled.map(({ headers }) => String(headers.traceparent).slice(3, 35)));
    const recorded = await receiver.until((all) => {
      const servers = all.slice(before).filter(({ kind, name }) => kind === 'server' && name === `GET ${app}/cart`);
      return servers.length >= told.size ? servers : undefined;
    });
    expect(new Set(recorded.map(({ traceId }) => traceId))).toEqual(told);
    // Every worker sends its own.
    expect(new Set(recorded.map(({ resource }) => resource['process.pid'])).size).toBe(4);
  }, 120_000);
});

describeWithServers('issue 4: a receiver of traces that fails', () => {
  let receiver: OtlpReceiver;
  let fabric: Fabric;
  let instance: OwnInstance;
  let app: string;
  let path: string;

  beforeAll(async () => {
    receiver = await OtlpReceiver.start();
    instance = await OwnInstance.start();
    fabric = await Fabric.start({ proxies: 1, settings: { ...settingsFor(receiver), OTEL_TRACES_SAMPLER: 'always_on' } });
    ({ app, path } = await appOf(fabric, instance, 'lossy'));
  }, 180_000);
  afterAll(async () => {
    await fabric?.stop();
    await instance?.stop();
    await receiver?.stop();
  }, 120_000);

  async function works(): Promise<void> {
    for (let index = 0; index < 30; index += 1) expect((await sendHttp('GET', fabric.cartUrl(app, '/x'))).status).toBe(200);
    const change = await fabric.client.call('PUT', `${path}/distribution`, { json: { weights: { 1: 100 } }, wait: 10 });
    expect(change.propagation).toMatchObject({ complete: true, acknowledged: 1 });
  }

  const failures: [string, Behaviour][] = [
    ['answers with 500', { status: 500 }],
    ['answers with 503', { status: 503 }],
    ['answers late', { afterMs: 1_000 }],
    ['never answers', 'never'],
  ];
  for (const [title, behaviour] of failures)
    it(`${title}: requests and changes do not notice`, async () => {
      receiver.behaviour = behaviour;
      const before = receiver.posts.length;
      await works();
      await receiver.until(() => (receiver.posts.length > before ? true : undefined));
    }, 60_000);

  it('never answers: the programs end in time, with 0', async () => {
    receiver.behaviour = 'never';
    await works();
    const startedAt = performance.now();
    expect(await fabric.stop()).toEqual([
      { code: 0, signal: null },
      { code: 0, signal: null },
    ]);
    expect(performance.now() - startedAt).toBeLessThan(STOP_MS);
  }, 120_000);
});

describe('issue 4: settings of tracing', () => {
  const needed = { DATABASE_URL: 'postgres://127.0.0.1:1/x', REDIS_URL: 'redis://127.0.0.1:1' };
  for (const [name, file] of [
    ['api', 'apps/api/dist/main.js'],
    ['proxy', 'apps/proxy/dist/main.js'],
    ['standalone', 'apps/standalone/dist/main.js'],
  ] as const)
    it(`${name}: a bad one is named, and the program ends with 2`, async () => {
      const program = Program.spawn(name, file, { ...needed, OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' });
      expect(await program.exited).toEqual({ code: 2, signal: null });
      await eventually('it is named', 5_000, async () => (program.logTail.includes('OTEL_EXPORTER_OTLP_ENDPOINT') ? true : undefined));
    }, 90_000);
});
