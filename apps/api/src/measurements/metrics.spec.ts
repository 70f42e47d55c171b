import { once } from 'node:events';
import { get } from 'node:http';
import { createTestApi, TEST_TOKEN, type TestApi } from '../testing/create-test-api.js';
import { eventually } from '../testing/eventually.js';
import { FakePublisherBus } from '../testing/fake-publisher-bus.js';
import { TestApps, withDatabase } from '../testing/test-apps.js';
import { FAILED, FakeSource, OK, placeOf } from './testing/frames.js';

describe('metrics of an app', () => {
  const bus = new FakePublisherBus();
  let api: TestApi;
  let apps: TestApps;
  let sources = 0;

  beforeAll(async () => {
    api = await createTestApi({ bus });
    apps = await TestApps.of(api);
  }, 60_000);
  afterAll(() => api.close());

  const newSource = (uptimeMs?: number) => new FakeSource(`source-${sources++}`, uptimeMs);
  const newApp = async (...running: string[]) => {
    const path = await apps.appWith(...running);
    return { path, name: path.slice(path.lastIndexOf('/') + 1) };
  };
  const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
  /** Everything that was sent is accounted for. */
  const settled = () => eventually(async () => expect(bus.frames.size).toBe(0));
  const metrics = async (path: string, query = '') => (await api.http.get(`${path}/metrics${query}`).expect(200)).body;

  it('issue 4: the whole answer, by version', async () => {
    const app = await newApp();
    const source = newSource();
    source.count(placeOf(app.name, 1), ...times(95, OK), ...times(5, FAILED));
    source.count(placeOf(app.name, 2), OK);
    source.meterOf(placeOf(app.name, 1)).inFlight = 3;
    bus.storeFrame(source.frame());
    await settled();
    const answer = await metrics(app.path);
    expect(answer).toEqual({ window: '5m', from: expect.any(String), to: expect.any(String), groups: expect.any(Array) });
    const seconds = (Date.parse(answer.to) - Date.parse(answer.from)) / 1_000;
    expect(seconds).toBeGreaterThanOrEqual(300);
    expect(seconds).toBeLessThanOrEqual(310.001);
    const percentiles = (ms: number) => ({ p50: expect.closeTo(ms, 0), p90: expect.closeTo(ms, 0), p99: expect.closeTo(ms, 0) });
    expect(answer.groups).toEqual([
      {
        version: 1,
        requests: 100,
        errors: 5,
        errorRate: 0.05,
        availability: 0.95,
        ratePerSecond: expect.closeTo(100 / seconds, 2),
        latencyMs: percentiles(20),
        upstreamLatencyMs: percentiles(10),
        byStatus: { '2xx': 95, '5xx': 5 },
        byProxyError: { upstream_reset: 5 },
        bytesIn: 500,
        bytesOut: 10_000,
        inFlight: 3,
      },
      expect.objectContaining({ version: 2, requests: 1, errorRate: 0 }),
    ]);
  });

  it('by service and by instance; instances are counted beside the version, not on top of it', async () => {
    const app = await newApp();
    const source = newSource();
    source.count(placeOf(app.name, 1, 'a'), OK, OK);
    source.count(placeOf(app.name, 1, 'b'), OK);
    source.count(placeOf(app.name, 1, 'a', 'pay'), FAILED);
    source.count(placeOf(app.name, null), FAILED);
    bus.storeFrame(source.frame());
    await settled();
    const shown = async (query: string) =>
      (await metrics(app.path, query)).groups.map((group: Record<string, unknown>) => [
        group.version,
        group.service,
        group.instanceId,
        group.requests,
      ]);
    expect(await shown('?by=version')).toEqual([
      [null, undefined, undefined, 1],
      [1, undefined, undefined, 4],
    ]);
    expect(await shown('?by=service')).toEqual([
      [null, 'cart', undefined, 1],
      [1, 'cart', undefined, 3],
      [1, 'pay', undefined, 1],
    ]);
    expect(await shown('?by=instance')).toEqual([
      [1, 'cart', 'a', 2],
      [1, 'cart', 'b', 1],
      [1, 'pay', 'a', 1],
    ]);
    expect(await shown('?by=instance&service=cart&version=1')).toEqual([
      [1, 'cart', 'a', 2],
      [1, 'cart', 'b', 1],
    ]);
    expect(await shown('?version=2')).toEqual([]);
  });

  it('issue 4: frames that are doubled, late or lost count once, and land where they belong', async () => {
    const app = await newApp();
    const source = newSource();
    const place = placeOf(app.name, 1);
    const frameAfter = (count: number, agoMs: number) => {
      source.count(place, ...times(count, OK));
      return source.frame({ ageMs: agoMs });
    };
    const [first, lost, second, third] = [frameAfter(10, 120_000), frameAfter(1, 119_000), frameAfter(4, 60_000), frameAfter(7, 0)];
    expect(lost.series).toHaveLength(1);
    bus.storeFrame(first);
    bus.storeFrame(first);
    await settled();
    bus.storeFrame(second, 1_000);
    bus.storeFrame(third);
    bus.storeFrame(second);
    bus.storeFrame(third);
    await settled();
    const { groups, to } = await metrics(app.path, '?step=10s');
    expect(groups[0].requests).toBe(22);
    const found = groups[0].points.filter(({ requests }: { requests: number }) => requests > 0);
    expect(found.map(({ requests }: { requests: number }) => requests)).toEqual([10, 5, 7]);
    const ages = found.map(({ at }: { at: string }) => (Date.parse(to) - Date.parse(at)) / 1_000);
    for (const [index, age] of [120, 61, 0].entries()) {
      expect(ages[index]).toBeGreaterThanOrEqual(age);
      expect(ages[index]).toBeLessThan(age + 25);
    }
  });

  it('issue 4: a proxy that was started again is another source: nothing is counted twice, nothing is lost', async () => {
    const app = await newApp();
    const [before, after] = [newSource(), newSource()];
    before.count(placeOf(app.name, 1), ...times(10, OK));
    after.count(placeOf(app.name, 1), ...times(3, OK));
    for (const frame of [before.frame(), after.frame(), before.frame(), after.frame()]) bus.storeFrame(frame);
    await settled();
    expect((await metrics(app.path)).groups[0].requests).toBe(13);
  });

  it('a source that may have been counted and forgotten long ago is not counted again', async () => {
    const app = await newApp();
    const source = newSource(8 * 86_400_000);
    source.count(placeOf(app.name, 1), ...times(10, OK));
    bus.storeFrame(source.frame());
    source.count(placeOf(app.name, 1), OK);
    bus.storeFrame(source.frame());
    await settled();
    expect((await metrics(app.path)).groups[0].requests).toBe(1);
  });

  it('what is no frame, and frames of apps that are not there, hold up nobody', async () => {
    const app = await newApp();
    const source = newSource();
    bus.storeFrame({ format: 1, series: 'none' });
    source.count(placeOf('nobody', 1), OK);
    source.sample(placeOf('nobody', 1));
    source.count(placeOf(app.name, 1), OK);
    bus.storeFrame(source.frame());
    await settled();
    expect((await metrics(app.path)).groups[0].requests).toBe(1);
    await withDatabase(api.databaseUrl, async (client) => {
      const { rows } = await client.query("SELECT 1 FROM measurements WHERE app = 'nobody'");
      expect(rows).toEqual([]);
    });
  });

  it('an app that is made again under the same name begins with nothing', async () => {
    const name = 'reborn';
    const path = `/v1/namespaces/default/apps/${name}`;
    await api.http.put(path).send({}).expect(201);
    const source = newSource();
    source.count(placeOf(name, 1), OK);
    source.sample(placeOf(name, 1));
    bus.storeFrame(source.frame());
    await settled();
    expect((await metrics(path)).groups).toHaveLength(1);
    await api.http.delete(path).expect(204);
    await api.http.get(`${path}/metrics`).expect(404);
    await api.http.put(path).send({}).expect(201);
    expect((await metrics(path)).groups).toEqual([]);
  });

  it('issue 4: recent errors, newest first, with run and trace; how many are not listed is told', async () => {
    const app = await newApp('1/cart');
    const source = newSource();
    // Routes call an instance by a name of their own.
    const uid = await eventually(async () => bus.documents.get(`default/${app.name}`)!.routes.services[0]!.versions[0]!.instances[0]!.id);
    expect(uid).not.toBe('a');
    const place = placeOf(app.name, 1, uid);
    source.count(place, OK, ...times(5, FAILED));
    source.count(placeOf(app.name, 2), { ...FAILED, status: 500, proxyError: null });
    source.sample(place, { ageMs: 2_000, requestId: 'older' });
    source.sample(place, { requestId: 'newer' });
    source.sample(placeOf(app.name, 2), { status: 500, code: null, traceId: null, requestId: 'other' });
    const frame = source.frame();
    bus.storeFrame(frame);
    bus.storeFrame(frame);
    await settled();
    const runs = (await api.http.get(`${app.path}/versions/1/services/cart/runs`).expect(200)).body.items;
    const { body } = await api.http.get(`${app.path}/errors?version=1`).expect(200);
    const error = {
      time: expect.any(String),
      version: 1,
      service: 'cart',
      runId: runs[0].runId,
      instanceId: 'a',
      status: 502,
      code: 'upstream_reset',
      method: 'GET',
      pathTemplate: '/orders/{}',
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    };
    expect(body).toEqual({
      items: [
        { ...error, requestId: 'newer' },
        { ...error, requestId: 'older' },
      ],
      nextCursor: null,
      dropped: 3,
    });
    expect((await metrics(app.path, '?by=instance')).groups).toMatchObject([{ version: 1, instanceId: 'a', requests: 6 }]);
    const page = (await api.http.get(`${app.path}/errors?limit=2`).expect(200)).body;
    expect(page.items).toHaveLength(2);
    const rest = (await api.http.get(`${app.path}/errors?limit=2&cursor=${page.nextCursor}`).expect(200)).body;
    expect([...page.items, ...rest.items].map(({ requestId }) => requestId).sort()).toEqual(['newer', 'older', 'other']);
    expect([rest.nextCursor, rest.dropped]).toEqual([null, 3]);
  });

  it('invariant 9: of the errors of a version the newest thousand are kept', async () => {
    const app = await newApp();
    const source = newSource();
    for (let frame = 0; frame < 21; frame += 1) {
      for (let index = 0; index < 50; index += 1) source.sample(placeOf(app.name, 1), { requestId: `${frame}-${index}` });
      bus.storeFrame(source.frame({ ageMs: (21 - frame) * 1_000 }));
    }
    await settled();
    await withDatabase(api.databaseUrl, async (client) => {
      const { rows } = await client.query('SELECT count(*)::int AS count, min(at_ms) FROM measurement_errors WHERE app = $1', [app.name]);
      expect(rows[0].count).toBe(1_000);
    });
    const { body } = await api.http.get(`${app.path}/errors?limit=1`).expect(200);
    expect(body.items[0].requestId).toMatch(/^20-/);
  });

  it('issue 4: the stream says the same again and again, and ends with the program or the caller', async () => {
    const app = await newApp();
    const source = newSource();
    const request = get(`${api.url}${app.path}/metrics/stream?by=service`, { headers: { Authorization: `Bearer ${TEST_TOKEN}` } });
    const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
    expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    source.count(placeOf(app.name, 1), ...times(4, OK));
    bus.storeFrame(source.frame());
    let text = '';
    for await (const chunk of response) {
      text += String(chunk);
      if (/"requests":4/.test(text)) break;
    }
    const last = text.trimEnd().split('\n\n').at(-1)!;
    expect(last).toMatch(/^event: metrics\nid: \S+\ndata: \{.*\}$/);
    expect(JSON.parse(last.slice(last.indexOf('data: ') + 6))).toMatchObject({ window: '5m', groups: [{ version: 1, service: 'cart' }] });
  });

  const bad: [query: string, path: string][] = [
    ['window=0s', 'window'],
    ['window=5', 'window'],
    ['window=1s', 'window'],
    ['window=91d', 'window'],
    ['window=9999999d', 'window'],
    ['window=2d&by=instance', 'window'],
    ['window=5m&window=6m', 'window'],
    ['step=5s', 'step'],
    ['step=15s', 'step'],
    ['window=2h&step=10s', 'step'],
    ['window=1d&step=1m', 'step'],
    ['step=-10s', 'step'],
    ['by=proxy', 'by'],
    ['version=latest', 'version'],
    ['version=0', 'version'],
    ['service=a%2Fb', 'service'],
    ['colour=red', 'colour'],
  ];
  it.each(bad)('bad input, ?%s: 400 that says where', async (query, path) => {
    const app = `/v1/namespaces/default/apps/nobody`;
    for (const route of query.startsWith('step') || query.includes('step') ? ['metrics'] : ['metrics', 'metrics/stream']) {
      const { body } = await api.http.get(`${app}/${route}?${query}`).expect(400);
      expect(body).toMatchObject({ code: 'validation_failed' });
      expect(body.errors.map((error: { path: string }) => error.path)).toEqual([path]);
    }
  });

  it('of what does not exist: 404; without a token: 401', async () => {
    for (const route of ['metrics', 'metrics/stream', 'errors']) {
      const path = `/v1/namespaces/default/apps/nobody/${route}`;
      expect((await api.http.get(path).expect(404)).body.code).toBe('app_not_found');
      await api.anonymous.get(path).expect(401);
    }
    const { body } = await api.http.get('/v1/namespaces/default/apps/nobody/errors?cursor=MQ').expect(400);
    expect(body.code).toBe('invalid_cursor');
    await api.http.get('/v1/namespaces/default/apps/nobody/errors?window=8d').expect(400);
  });
});
