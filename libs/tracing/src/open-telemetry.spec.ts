import { startTracing } from './start-tracing.js';
import { OtlpReceiver } from './testing/index.js';
import { readTraceContext, SAMPLED } from './trace-context.js';
import type { Tracing } from './tracing.js';
import { readTracingSettings } from './tracing-settings.js';

const PARENT = readTraceContext(['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'], ['vendor=x'])!;
const UNSAMPLED = { ...PARENT, flags: 0 };

let receiver: OtlpReceiver;
let told: string[];
const environment = { ...process.env };
const open: Tracing[] = [];

beforeEach(async () => {
  receiver = await OtlpReceiver.start();
  told = [];
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((tracing) => tracing.close()));
  await receiver.stop();
  process.env = { ...environment };
});

/** The SDK reads the process's environment, so it is really set. */
async function start(env: Record<string, string> = {}): Promise<Tracing> {
  Object.assign(process.env, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: '10', ...env });
  const { settings } = readTracingSettings(process.env);
  const tracing = await startTracing(
    settings,
    { name: 'tested', attributes: { 'service.instance.id': 'i-1' } },
    {
      warn: (_fields, text) => told.push(text),
    },
  );
  open.push(tracing!);
  return tracing!;
}

const named = (name: string) => receiver.until((spans) => spans.find((span) => span.name === name));

describe('spans as a receiver of OTLP gets them', () => {
  it('a server span under a remote parent, a client span under that, attributes, an error', async () => {
    const tracing = await start();
    const attributes = { text: 'x'.repeat(2_000), whole: -3, part: 0.5, yes: true };
    const server = tracing.start({ name: 'server', kind: 'server', parent: PARENT, attributes });
    const client = tracing.start({ name: 'client', kind: 'client', parent: server.context, attributes: {} });
    client.set({ late: 1 });
    client.fail('502');
    expect([client.open, server.context.tracestate, server.context.flags]).toEqual([true, 'vendor=x', SAMPLED]);
    client.end();
    expect(client.open).toBe(false);
    server.end();
    const [outer, inner] = [await named('server'), await named('client')];
    expect(outer).toMatchObject({
      traceId: PARENT.traceId,
      parentSpanId: PARENT.spanId,
      tracestate: 'vendor=x',
      kind: 'server',
      failed: false,
      attributes: { text: 'x'.repeat(1_024), whole: -3, part: 0.5, yes: true },
      resource: { 'service.name': 'tested', 'service.instance.id': 'i-1' },
    });
    expect(inner).toMatchObject({
      traceId: PARENT.traceId,
      spanId: client.context.spanId,
      parentSpanId: outer.spanId,
      kind: 'client',
      failed: true,
      attributes: { late: 1, 'error.type': '502' },
    });
    expect(inner.endedAt >= inner.startedAt).toBe(true);
    expect(receiver.posts[0]).toMatchObject({ path: '/v1/traces', headers: { 'content-type': 'application/x-protobuf' } });
  });

  it('a root has the trace id that was decided about, and the next one another', async () => {
    const tracing = await start();
    const traceId = tracing.newId(16);
    const spans = [
      tracing.start({ name: 'chosen', kind: 'server', parent: null, traceId, attributes: {} }),
      tracing.start({ name: 'other', kind: 'server', parent: null, attributes: {} }),
    ];
    for (const span of spans) span.end();
    expect(await named('chosen')).toMatchObject({ traceId, parentSpanId: '' });
    expect((await named('other')).traceId).not.toBe(traceId);
  });

  it('OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, headers and compression are the SDK’s own', async () => {
    const tracing = await start({
      OTEL_SERVICE_NAME: 'edge',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,team=a%20b',
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=secret',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    });
    tracing.start({ name: 'one', kind: 'internal', parent: null, attributes: {} }).end();
    expect((await named('one')).resource).toMatchObject({ 'service.name': 'edge', 'deployment.environment.name': 'test', team: 'a b' });
    expect(receiver.posts[0]!.headers).toMatchObject({ 'api-key': 'secret', 'content-encoding': 'gzip' });
    expect(told).toEqual([]);
  });

  it('resource attributes that cannot be read are named', async () => {
    await start({ OTEL_RESOURCE_ATTRIBUTES: 'no equals sign' });
    expect(told).toEqual([expect.stringContaining('OTEL_RESOURCE_ATTRIBUTES')]);
  });
});

describe('what is recorded', () => {
  const cases: [string, string, [boolean, boolean, boolean]][] = [
    ['always_on', '', [true, true, true]],
    ['always_off', '', [false, false, false]],
    ['traceidratio', '0', [false, false, false]],
    ['parentbased_always_on', '', [true, true, false]],
    ['parentbased_always_off', '', [false, true, false]],
    ['parentbased_traceidratio', '0', [false, true, false]],
    ['parentbased_traceidratio', '1', [true, true, false]],
  ];
  for (const [sampler, argument, expected] of cases)
    it(`${sampler} ${argument}: of roots, sampled and unsampled parents`, async () => {
      const tracing = await start({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: argument });
      const parents = [null, PARENT, UNSAMPLED];
      expect(parents.map((parent) => tracing.samples(parent?.traceId ?? tracing.newId(16), parent))).toEqual(expected);
    });

  it('a ratio is a share of the traces, and the same trace gets the same answer', async () => {
    const tracing = await start({ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' });
    const ids = Array.from({ length: 20_000 }, () => tracing.newId(16));
    const chosen = ids.filter((id) => tracing.samples(id, null));
    // Five standard deviations of a binomial distribution.
    expect(Math.abs(chosen.length - 2_000)).toBeLessThan(5 * Math.sqrt(20_000 * 0.1 * 0.9));
    expect(chosen.every((id) => tracing.samples(id, null))).toBe(true);
  });
});

describe('a receiver that does not do its part', () => {
  const record = (tracing: Tracing, count: number) => {
    for (let index = 0; index < count; index += 1) tracing.start({ name: 'lost', kind: 'internal', parent: null, attributes: {} }).end();
  };

  it('answers with an error: said once, and again when it is over', async () => {
    const tracing = await start({ OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1' });
    receiver.behaviour = { status: 400 };
    record(tracing, 3);
    while (receiver.posts.length < 3) await receiver.until(() => (receiver.posts.length < 3 ? undefined : true));
    receiver.behaviour = 'well';
    tracing.start({ name: 'after', kind: 'internal', parent: null, attributes: {} }).end();
    await named('after');
    await tracing.close();
    expect(told).toEqual([expect.stringContaining('cannot be sent'), 'spans are sent again']);
  });

  it('never answers: what waits is bounded, and the end is too', async () => {
    const tracing = await start({
      OTEL_BSP_MAX_QUEUE_SIZE: '100',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '50',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
    });
    receiver.behaviour = 'never';
    record(tracing, 5_000);
    const before = performance.now();
    await tracing.close();
    expect(performance.now() - before).toBeLessThan(10_000);
    expect(receiver.posts.reduce((sum, { spans }) => sum + spans, 0)).toBeLessThanOrEqual(150);
  });

  it('is not there: nothing is thrown, and a later one gets what comes later', async () => {
    const tracing = await start({ OTEL_EXPORTER_OTLP_TIMEOUT: '100', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1' });
    const port = Number(new URL(receiver.url).port);
    await receiver.stop();
    record(tracing, 1);
    while (told.length === 0) await new Promise((resolve) => setImmediate(resolve));
    receiver = await OtlpReceiver.start(port);
    tracing.start({ name: 'after', kind: 'internal', parent: null, attributes: {} }).end();
    await named('after');
  });
});
