import { type RecordedSpan, RecordingTracing } from '@app-fabric/tracing/testing';
import { createTestApi, TEST_TOKEN, type TestApi } from '../testing/create-test-api.js';
import { eventually } from '../testing/eventually.js';
import { FakePublisherBus } from '../testing/fake-publisher-bus.js';
import { TestApps } from '../testing/test-apps.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const SAMPLED = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'vendor=x' };
const UNSAMPLED = { traceparent: `00-${TRACE}-${SPAN}-00` };
const APPS = '/v1/namespaces/default/apps';

const tracing = new RecordingTracing();
let bus: FakePublisherBus;
let api: TestApi;
let app: string;

beforeAll(async () => {
  bus = new FakePublisherBus();
  tracing.samplesRoots = false;
  api = await createTestApi({ bus, tracing });
  app = await (await TestApps.of(api)).appWith('1/cart', '2/cart');
}, 60_000);
beforeEach(() => {
  tracing.samplesRoots = false;
  tracing.spans.length = 0;
});
afterAll(() => api.close());

/** Their spans, when all have ended and `enough` of them are there. */
async function recorded(enough: (spans: readonly RecordedSpan[]) => boolean): Promise<RecordedSpan[]> {
  await eventually(async () => expect(enough(tracing.spans) && tracing.spans.every(({ ended }) => ended)).toBe(true));
  return tracing.spans;
}

const hasServer = (spans: readonly RecordedSpan[]) => spans.some(({ kind }) => kind === 'server');
const hasPublished = (spans: readonly RecordedSpan[]) => spans.some(({ kind }) => kind === 'producer');

describe('issue 4: traces of the API', () => {
  it('nothing is recorded of what is not sampled: not its request, not its statements, not its change', async () => {
    const { body } = await api.http
      .put(`${app}/distribution`)
      .set(UNSAMPLED)
      .send({ weights: { 1: 70, 2: 30 } })
      .expect(200);
    await eventually(async () => expect(bus.stored?.revision).toBe(body.propagation.routeRevision));
    expect(tracing.spans).toEqual([]);
    expect([...bus.documents.values()].every(({ trace }) => trace === undefined)).toBe(true);
  });

  it('a request, and below it its statements, without their values', async () => {
    await api.http.get(`${app}?secret=token`).set(SAMPLED).expect(200);
    const spans = await recorded(hasServer);
    const [server, ...statements] = spans;
    expect(server).toMatchObject({
      kind: 'server',
      name: 'GET /v1/namespaces/:ns/apps/:app',
      parent: { traceId: TRACE, spanId: SPAN },
      error: null,
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/v1/namespaces/:ns/apps/:app',
        'http.response.status_code': 200,
        'url.path': app,
        'fabric.namespace': 'default',
        'fabric.app': app.split('/').at(-1),
      },
    });
    expect(statements.length).toBeGreaterThan(0);
    expect(statements.map(({ kind, parent }) => [kind, parent?.spanId])).toEqual(statements.map(() => ['client', server!.context.spanId]));
    const selects = statements.filter(({ attributes }) => attributes['db.operation.name'] === 'SELECT');
    expect(selects[0]).toMatchObject({ name: expect.stringMatching(/^SELECT [a-z_]+$/), attributes: { 'db.system.name': 'postgresql' } });
    expect(selects[0]!.attributes['db.query.text']).toMatch(/\$1/);
    expect(JSON.stringify(spans)).not.toMatch(/made-1'|token/);
  });

  it('a change goes on the bus as work of its request, and tells the proxies so', async () => {
    await api.http
      .put(`${app}/distribution`)
      .set(SAMPLED)
      .send({ weights: { 1: 60, 2: 40 } })
      .expect(200);
    const spans = await recorded((all) => hasServer(all) && hasPublished(all));
    const server = spans.find(({ kind }) => kind === 'server')!;
    const publish = spans.find(({ kind }) => kind === 'producer')!;
    expect(publish).toMatchObject({
      name: 'publish routes',
      parent: { traceId: TRACE, spanId: server.context.spanId, tracestate: 'vendor=x' },
      attributes: { 'fabric.app': app.split('/').at(-1), 'messaging.system': 'redis' },
    });
    const document = bus.documents.get(`default/${app.split('/').at(-1)}`);
    expect(document?.trace).toEqual({ traceparent: `00-${TRACE}-${publish.context.spanId}-01`, tracestate: 'vendor=x' });
    expect(document?.revision).toBe(publish.attributes['fabric.route.revision']);
  });

  it('a publisher that cannot publish says so on its span; the next try has another', async () => {
    let refused = false;
    bus.before = () => {
      bus.before = () => undefined;
      refused = true;
      throw new Error('no bus');
    };
    await api.http
      .put(`${app}/distribution`)
      .set(SAMPLED)
      .send({ weights: { 1: 50, 2: 50 } })
      .expect(200);
    const spans = await recorded((all) => all.filter(({ kind }) => kind === 'producer').length === 2);
    expect(refused).toBe(true);
    expect(spans.filter(({ kind }) => kind === 'producer').map(({ error }) => error)).toEqual(['bus_unavailable', null]);
  });

  it('what goes on after the answer is nobody’s: polls and other requests leave no statements in the trace', async () => {
    await api.http
      .put(`${app}/distribution`)
      .set(SAMPLED)
      .send({ weights: { 1: 40, 2: 60 } })
      .expect(200);
    const spans = await recorded((all) => hasServer(all) && hasPublished(all));
    const before = spans.length;
    // Two rounds of the publisher's poll, seen by what it asks of the bus.
    let looks = 0;
    const head = bus.head.bind(bus);
    bus.head = async () => {
      looks += 1;
      return head();
    };
    await eventually(async () => expect(looks).toBeGreaterThanOrEqual(2));
    await api.http.get(app).expect(200);
    expect(tracing.spans).toHaveLength(before);
    // Those of publishing itself are not work of the request either.
    const texts = spans.map(({ attributes }) => String(attributes['db.query.text'] ?? ''));
    expect(texts.some((text) => text.includes('route_outbox (revision'))).toBe(true);
    expect(texts.some((text) => text.includes('unnest($1::text[], $2::text[]) AS wanted'))).toBe(false);
  });

  it('a trace begins here where none came, or a malformed one; a failure of the caller is no error', async () => {
    tracing.samplesRoots = true;
    await api.http.get(`${APPS}/none`).set('traceparent', `ff-${TRACE}-${SPAN}-01`).expect(404);
    const [server] = await recorded(hasServer);
    expect(server).toMatchObject({ parent: null, error: null, attributes: { 'http.response.status_code': 404 } });
    expect(server!.traceId).not.toBe(TRACE);
  });

  it('a path that is none is not the name of a span', async () => {
    await api.http.get('/v1/nothing/here').set(SAMPLED).expect(404);
    const [server] = await recorded(hasServer);
    expect(server).toMatchObject({ name: 'GET', attributes: { 'url.path': '/v1/nothing/here' } });
  });

  it('a stream is one span: what it asks after its first byte is not recorded', async () => {
    const leave = new AbortController();
    const headers = { authorization: `Bearer ${TEST_TOKEN}`, ...SAMPLED };
    const answer = await fetch(`${api.url}${app}/metrics/stream?window=1m`, { headers, signal: leave.signal });
    const reader = answer.body!.getReader();
    let events = 0;
    let before = 0;
    for (const text = new TextDecoder(); events < 3; ) {
      events += text.decode((await reader.read()).value).split('data:').length - 1;
      if (before === 0) before = tracing.spans.length;
    }
    expect(tracing.spans).toHaveLength(before);
    leave.abort();
    await recorded(hasServer);
  });

  it('health, metrics and the description are not recorded', async () => {
    tracing.samplesRoots = true;
    for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json']) await api.anonymous.get(path).set(SAMPLED);
    await api.http.get('/v1/proxies').expect(200);
    const spans = await recorded(hasServer);
    expect(spans.filter(({ kind }) => kind === 'server').map(({ name }) => name)).toEqual(['GET /v1/proxies']);
  });
});
