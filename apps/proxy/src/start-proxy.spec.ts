import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppRoutes } from '@app-fabric/routing';
import { startProxy } from './start-proxy.js';
import { FakeBus, routeDocument } from './table/testing/fake-bus.js';
import { renderSnapshot } from './table/testing/render-snapshot.js';
import { call, cleanUp, cleanups, instance, PATH, running, shop, silent, start } from './testing/proxy-bench.js';
import { RawPeer, valuesOf } from './upstream/testing/raw-client.js';

afterEach(cleanUp);

describe('CONTRACT §4: which version', () => {
  const cases: { title: string; path?: string; headers?: Record<string, string>; version: string; reason: string }[] = [
    { title: 'the distribution rules when nothing pins', version: '1', reason: 'weighted' },
    { title: '1. the path’s version, at 0 % too', path: '/versions/2', version: '2', reason: 'pinned' },
    { title: '1. the path’s alias', path: '/versions/next', version: '2', reason: 'pinned' },
    { title: '1. `latest` is as if absent', path: '/versions/latest', version: '1', reason: 'weighted' },
    {
      title: '1. the path comes before the headers',
      path: '/versions/1',
      headers: { 'X-App-Version': '2', 'X-Artifact-Version': '2.0.0' },
      version: '1',
      reason: 'pinned',
    },
    { title: '2. header X-App-Version, at 0 % too', headers: { 'X-App-Version': '2' }, version: '2', reason: 'pinned' },
    { title: '2. an alias in X-App-Version', headers: { 'X-App-Version': 'next' }, version: '2', reason: 'pinned' },
    { title: '2. `latest` in X-App-Version', headers: { 'X-App-Version': 'latest' }, version: '1', reason: 'weighted' },
    {
      title: '2. X-App-Version comes before X-Artifact-Version',
      headers: { 'X-App-Version': '1', 'X-Artifact-Version': '2.0.0' },
      version: '1',
      reason: 'pinned',
    },
    { title: '3. header X-Artifact-Version', headers: { 'X-Artifact-Version': '2.0.0' }, version: '2', reason: 'pinned' },
  ];
  for (const { title, path = '', headers, version, reason } of cases) {
    it(title, async () => {
      const { base } = await running({ 1: 10_000, 2: 0 }, { aliases: { next: 2 } });
      const answer = await call(`${base}${path}/services/cart/methods/x`, headers);
      expect(answer.status).toBe(200);
      expect(answer.headers).toMatchObject({ 'x-app-version': version, 'x-artifact-version': `${version}.0.0`, 'x-route-reason': reason });
      expect(answer.json()).toMatchObject({ name: version === '1' ? 'one' : 'two' });
    });
  }

  const affinities: { title: string; affinity: AppRoutes['affinity']; header: (user: number) => Record<string, string> }[] = [
    { title: 'header', affinity: { by: 'header', name: 'X-User' }, header: (user) => ({ 'x-user': `u${user}` }) },
    { title: 'cookie', affinity: { by: 'cookie', name: 'sid' }, header: (user) => ({ cookie: `a=1; sid=u${user}` }) },
  ];
  for (const { title, affinity, header } of affinities) {
    it(`4. affinity by ${title} keeps a consumer on its version, and all versions get some`, async () => {
      const { base } = await running({ 1: 5_000, 2: 5_000 }, affinity ? { affinity } : {});
      const seen = new Set<unknown>();
      for (let user = 0; user < 20; user += 1) {
        const answers = [];
        for (let i = 0; i < 3; i += 1) answers.push(await call(`${base}/services/cart/methods/x`, header(user)));
        expect(new Set(answers.map((answer) => answer.headers['x-app-version'])).size).toBe(1);
        expect(answers[0]?.headers['x-route-reason']).toBe('affinity');
        seen.add(answers[0]?.headers['x-app-version']);
      }
      expect(seen.size).toBe(2);
    });
  }

  it('4. affinity by address keeps one client on one version', async () => {
    const { base } = await running({ 1: 5_000, 2: 5_000 }, { affinity: { by: 'address' } });
    const versions = new Set<unknown>();
    for (let i = 0; i < 10; i += 1) versions.add((await call(`${base}/services/cart/methods/x`)).headers['x-app-version']);
    expect(versions.size).toBe(1);
  });

  it('5. weights are per version whatever the instance counts: 50/50 with 3 and 1 instances', async () => {
    const bus = new FakeBus();
    const [a, b, c, d] = [await instance('a'), await instance('b'), await instance('c'), await instance('d')];
    bus.store('e1', 1, [shop(1, { 1: [a, b, c], 2: [d] }, { 1: 5_000, 2: 5_000 })]);
    let turn = 0;
    // An even sequence instead of chance: every half of [0, 1) comes equally often.
    const proxy = await start(bus, { random: () => ((turn++ * 2_654_435_761) % 2 ** 32) / 2 ** 32 });
    const counts: Record<string, number> = {};
    for (let i = 0; i < 400; i += 1) {
      const version = String((await call(`${proxy.proxyUrl}${PATH}/services/cart/methods/x`)).headers['x-app-version']);
      counts[version] = (counts[version] ?? 0) + 1;
    }
    // 99.9 % binomial bound for 400 draws at one half: ± 33.
    expect(Math.abs((counts[1] ?? 0) - 200)).toBeLessThanOrEqual(33);
  });

  for (const [fallback, version] of [
    ['newest', '2'],
    ['oldest', '1'],
  ] as const) {
    it(`6. the fallback ${fallback}`, async () => {
      const { base } = await running(null, { fallback });
      expect((await call(`${base}/services/cart/methods/x`)).headers).toMatchObject({
        'x-app-version': version,
        'x-route-reason': 'fallback',
      });
    });
  }

  it('onUnavailable redistribute: a version with weight but no instance gives its share to the others', async () => {
    const { bus, base, two } = await running();
    bus.publish(2, shop(2, { 1: [], 2: [two] }, { 1: 9_000, 2: 1_000 }));
    expect((await call(`${base}/services/cart/methods/x`)).headers['x-app-version']).toBe('2');
  });
});

describe('CONTRACT §4: errors that the proxy makes itself', () => {
  const cases: { title: string; path: string; headers?: Record<string, string | string[]>; status: number; code: string }[] = [
    { title: 'another path', path: '/nothing', status: 404, code: 'route_not_found' },
    { title: 'another namespace', path: '/namespaces/other/apps/shop/services/cart/methods/x', status: 404, code: 'app_not_found' },
    { title: 'another app', path: '/namespaces/default/apps/shop2/services/cart/methods/x', status: 404, code: 'app_not_found' },
    { title: 'another service', path: `${PATH}/services/pay/methods/x`, status: 404, code: 'service_not_found' },
    { title: 'an unknown version', path: `${PATH}/versions/77/services/cart/methods/x`, status: 404, code: 'version_not_found' },
    {
      title: 'an unknown version by header',
      path: `${PATH}/services/cart/methods/x`,
      headers: { 'X-App-Version': '77' },
      status: 404,
      code: 'version_not_found',
    },
    {
      title: 'an unknown artifact version',
      path: `${PATH}/services/cart/methods/x`,
      headers: { 'X-Artifact-Version': '7.7.7' },
      status: 404,
      code: 'version_not_found',
    },
    {
      title: 'a pin never falls back: a version that does not run',
      path: `${PATH}/versions/9/services/cart/methods/x`,
      status: 503,
      code: 'version_unavailable',
    },
    {
      title: 'contradicting pins',
      path: `${PATH}/services/cart/methods/x`,
      headers: { 'X-App-Version': ['1', '2'] },
      status: 400,
      code: 'bad_version_header',
    },
    { title: 'a traversal', path: `${PATH}/services/cart%2f..%2fpay/methods/x`, status: 400, code: 'bad_request' },
  ];
  for (const { title, path, headers, status, code } of cases) {
    it(`${status} ${code}: ${title}`, async () => {
      const { proxy, one, two } = await running();
      const answer = await call(`${proxy.proxyUrl}${path}`, { ...headers, 'X-Request-Id': 'my-id' });
      expect(answer.status).toBe(status);
      expect(answer.headers).toMatchObject({ 'content-type': 'application/problem+json', 'x-request-id': 'my-id' });
      expect(answer.json()).toMatchObject({
        code,
        status,
        title: expect.any(String),
        detail: expect.any(String),
        type: expect.any(String),
      });
      expect([one.requests, two.requests]).toEqual([[], []]);
    });
  }

  it('503 no_instance: the fallback none, and no instance at all', async () => {
    const { base, bus } = await running(null, { fallback: 'none' });
    expect((await call(`${base}/services/cart/methods/x`)).json()).toMatchObject({ status: 503, code: 'no_instance' });
    bus.publish(2, shop(2, { 1: [] }, { 1: 10_000 }));
    expect((await call(`${base}/services/cart/methods/x`)).json()).toMatchObject({ status: 503, code: 'no_instance' });
  });

  it('503 version_unavailable: onUnavailable fail', async () => {
    const { base, bus, two } = await running();
    bus.publish(2, shop(2, { 1: [], 2: [two] }, { 1: 10_000, 2: 0 }, { onUnavailable: 'fail' }));
    expect((await call(`${base}/services/cart/methods/x`)).json()).toMatchObject({ status: 503, code: 'version_unavailable' });
  });

  it('503 not_ready while there is no table; /readyz says the same, /healthz does not', async () => {
    const bus = new FakeBus();
    const proxy = await start(bus);
    expect((await call(`${proxy.proxyUrl}${PATH}/services/cart/methods/x`)).json()).toMatchObject({ code: 'not_ready', status: 503 });
    expect((await call(`${proxy.adminUrl}/readyz`)).status).toBe(503);
    expect((await call(`${proxy.adminUrl}/healthz`)).status).toBe(200);
    bus.store('e1', 0, []);
    bus.reset();
    await until(async () => (await call(`${proxy.adminUrl}/readyz`)).status === 200);
  });

  it('503 overloaded beyond the bound of requests at once', async () => {
    const bus = new FakeBus();
    const held: ServerResponse[] = [];
    const slow = await instance('slow', (_req, res) => held.push(res));
    bus.store('e1', 1, [shop(1, { 1: [slow] }, { 1: 10_000 })]);
    const proxy = await start(bus, { maxInFlight: 1 });
    const first = call(`${proxy.proxyUrl}${PATH}/services/cart/methods/x`);
    await until(() => held.length === 1);
    const refused = await call(`${proxy.proxyUrl}${PATH}/services/cart/methods/x`);
    expect(refused.json()).toMatchObject({ code: 'overloaded', status: 503 });
    expect(refused.headers['retry-after']).toBe('1');
    held[0]?.end('ok');
    expect((await first).status).toBe(200);
  });

  it('a response that came from an instance is passed as it is, errors too', async () => {
    const bus = new FakeBus();
    const failing = await instance('failing', (_req, res) => res.writeHead(503, 'My Own', { 'content-type': 'text/x' }).end('mine'));
    bus.store('e1', 1, [shop(1, { 1: [failing] }, { 1: 10_000 })]);
    const proxy = await start(bus);
    const answer = await call(`${proxy.proxyUrl}${PATH}/services/cart/methods/x`);
    expect([answer.status, answer.headers['content-type'], answer.text, failing.requests.length]).toEqual([503, 'text/x', 'mine', 1]);
  });
});

describe('CONTRACT §4: what passes', () => {
  it('the instance gets /{path} and the query byte for byte, and is told where the request came from', async () => {
    const { proxy } = await running({ 1: 10_000 }, {}, { basePath: '/edge' });
    const answer = await call(`${proxy.proxyUrl}/edge${PATH}/services/cart/methods//a/%2e%2e/b?x=%zz&&y`, {
      'X-Forwarded-For': '9.9.9.9',
      host: 'shop.example',
    });
    const { url, headers } = answer.json() as { url: string; headers: Record<string, string> };
    expect(url).toBe('//a/%2e%2e/b?x=%zz&&y');
    expect(headers).toMatchObject({
      host: 'shop.example',
      'x-forwarded-for': '9.9.9.9, 127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-prefix': `/edge${PATH}/services/cart/methods`,
      'x-app-version': '1',
      'x-request-id': answer.headers['x-request-id'],
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
    });
  });

  it('any method', async () => {
    const { base } = await running();
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      expect((await call(`${base}/services/cart/methods/x`, {}, method)).status).toBe(200);
    }
  });
});

describe('the table changes while requests run', () => {
  it('an instance that leaves finishes what it has, and is reported until then', async () => {
    const bus = new FakeBus();
    const held: ServerResponse[] = [];
    const old = await instance('old', (_req, res) => held.push(res));
    const two = await instance('two');
    bus.store('e1', 1, [shop(1, { 1: [old], 2: [two] }, { 1: 10_000, 2: 0 })]);
    const proxy = await start(bus);
    const url = `${proxy.proxyUrl}${PATH}/services/cart/methods/x`;
    const running = call(url);
    await until(() => held.length === 1);
    bus.publish(2, shop(2, { 2: [two] }, { 2: 10_000 }));
    expect((await call(url)).json()).toMatchObject({ name: 'two' });
    await until(() => bus.reports.at(-1)?.applied?.revision === 2);
    expect(bus.reports.at(-1)?.inFlight).toEqual({ old: 1 });
    held[0]?.end('done');
    expect((await running).text).toBe('done');
    await until(() => Object.keys(bus.reports.at(-1)?.inFlight ?? { x: 1 }).length === 0);
  });

  it('hundreds of changes and aborts leave the counts exact', async () => {
    const { bus, base, one, two, proxy } = await running({ 1: 5_000, 2: 5_000 });
    const calls: Promise<unknown>[] = [];
    for (let revision = 2; revision < 200; revision += 1) {
      calls.push(call(`${base}/services/cart/methods/x`).then((answer) => expect(answer.status).toBe(200)));
      if (revision % 3 === 0) calls.push(abortedCall(`${base}/services/cart/methods/x`));
      bus.publish(
        revision,
        shop(revision, revision % 2 ? { 1: [one] } : { 1: [one], 2: [two] }, revision % 2 ? { 1: 10_000 } : { 1: 5_000, 2: 5_000 }),
      );
    }
    await Promise.all(calls);
    await until(async () => Object.keys(((await call(`${proxy.adminUrl}/table`)).json() as { inFlight: object }).inFlight).length === 0);
    await until(async () => !/^http_server_active_requests.* [1-9]/m.test((await call(`${proxy.adminUrl}/metrics`)).text));
  });

  it('an instance that stopped is replaced by another of the same version: no request fails', async () => {
    const bus = new FakeBus();
    const [a, b] = [await instance('a'), await instance('b')];
    bus.store('e1', 1, [shop(1, { 1: [a, b] }, { 1: 10_000 })]);
    const proxy = await start(bus);
    await a.close();
    for (let i = 0; i < 40; i += 1)
      expect((await call(`${proxy.proxyUrl}${PATH}/services/cart/methods/x`)).json()).toMatchObject({ name: 'b' });
    const { text } = await call(`${proxy.adminUrl}/metrics`);
    expect(text).toMatch(/^fabric_proxy_retries_total\{[^}]*version="1",reason="connect_failed"\} [1-9]/m);
    expect(text).toMatch(
      /^http_client_request_duration_seconds_count\{.*http_response_status_code="",error_type="connect_failed"\} [1-9]/m,
    );
    expect(text).not.toMatch(/^http_server_request_duration_seconds_count\{.*error_type="[^"]/m);
  });
});

describe('CONTRACT §5: start and stop', () => {
  it('with the store down a proxy starts from its snapshot on disk and says so in /readyz', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'fabric-proxy-'));
    cleanups.push(() => rm(dataDir, { recursive: true }));
    const bus = new FakeBus();
    const one = await instance('one');
    bus.store('e1', 7, [shop(7, { 1: [one] }, { 1: 10_000 })]);
    const first = await start(bus, { dataDir });
    await first.close();
    bus.down = true;
    bus.connected = false;
    const second = await start(bus, { dataDir });
    expect((await call(`${second.proxyUrl}${PATH}/services/cart/methods/x`)).status).toBe(200);
    const ready = await call(`${second.adminUrl}/readyz`);
    expect([ready.status, ready.json()]).toEqual([200, expect.objectContaining({ source: 'snapshot', revision: 7, busConnected: false })]);
    bus.down = false;
    bus.connected = true;
    await until(async () => (await call(`${second.adminUrl}/readyz`)).json().source === 'live');
  });

  it('what a proxy cannot read of its snapshot is said and counted, by app; it serves the others', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'fabric-proxy-'));
    cleanups.push(() => rm(dataDir, { recursive: true }));
    const one = await instance('one');
    const documents = [
      shop(7, { 1: [one] }, { 1: 10_000 }),
      ...Array.from({ length: 30 }, (_, i) => ({ ...routeDocument(`app-${i}`, i), format: 99 })),
    ];
    const text = renderSnapshot({ epoch: 'e1', revision: 7, documents: documents.map((document) => ({ json: JSON.stringify(document) })) });
    await writeFile(join(dataDir, 'proxy-snapshot.json'), text);
    const warnings: object[] = [];
    const bus = new FakeBus();
    bus.down = true;
    const proxy = await start(bus, { dataDir, log: { ...silent, warn: (fields, message) => void warnings.push({ ...fields, message }) } });
    expect((await call(`${proxy.proxyUrl}${PATH}/services/cart/methods/x`)).status).toBe(200);
    expect((await call(`${proxy.adminUrl}/metrics`)).text).toMatch(/^fabric_proxy_route_rejections_total 30$/m);
    expect(warnings.filter((one) => 'key' in one)).toEqual(
      Array.from({ length: 20 }, (_, i) => ({
        key: `default/app-${i}`,
        revision: i,
        reason: expect.stringContaining('document.format'),
        message: 'an app is missing: its document in the snapshot of the routes cannot be read',
      })),
    );
    expect(warnings).toContainEqual({ more: 10, message: 'further documents of the snapshot cannot be read either' });
  });

  const worthless = {
    empty: '',
    truncated: renderSnapshot({ epoch: 'e', revision: 1, documents: [] }).slice(0, -20),
    garbage: '\0\0\0',
    json: '{}',
  };
  for (const [title, content] of Object.entries(worthless)) {
    it(`a snapshot that is ${title} is ignored, with a line in the log`, async () => {
      const dataDir = await mkdtemp(join(tmpdir(), 'fabric-proxy-'));
      cleanups.push(() => rm(dataDir, { recursive: true }));
      await writeFile(join(dataDir, 'proxy-snapshot.json'), content);
      const lines: string[] = [];
      const bus = new FakeBus();
      bus.down = true;
      const proxy = await start(bus, { dataDir, log: { ...silent, warn: (_fields, text) => void lines.push(text) } });
      expect((await call(`${proxy.adminUrl}/readyz`)).status).toBe(503);
      expect(lines).toContain('the snapshot of the routes is of no use');
    });
  }

  it('a data folder that cannot be written stops nothing', async () => {
    const bus = new FakeBus();
    const one = await instance('one');
    bus.store('e1', 1, [shop(1, { 1: [one] }, { 1: 10_000 })]);
    const proxy = await start(bus, { dataDir: '/dev/null/nowhere' });
    expect((await call(`${proxy.proxyUrl}${PATH}/services/cart/methods/x`)).status).toBe(200);
    await proxy.close();
  });

  it('reports what it routes by, and in the last report that it is leaving', async () => {
    const { bus, proxy } = await running();
    await until(() => bus.reports.length > 0);
    expect(bus.reports[0]).toMatchObject({
      proxyId: proxy.proxyId,
      adminUrl: proxy.adminUrl,
      applied: { epoch: 'e1', revision: 1 },
      lastRejection: null,
      leaving: false,
    });
    bus.publish(2, shop(2, { 1: [] }, { 1: 9_999 }));
    await until(() => bus.reports.at(-1)?.lastRejection?.revision === 2);
    expect(bus.reports.at(-1)?.applied?.revision).toBe(1);
    await proxy.close();
    expect(bus.reports.filter((report) => report.leaving)).toHaveLength(1);
    expect(bus.reports.at(-1)?.leaving).toBe(true);
  });

  it('reports an admin address that is not 127.0.0.1 for everybody when it listens on all interfaces', async () => {
    const bus = new FakeBus();
    const proxy = await start(bus, { host: '0.0.0.0' });
    await until(() => bus.reports.length > 0);
    expect(proxy.adminUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(bus.reports[0]?.adminUrl).toBe(proxy.adminUrl.replace('127.0.0.1', hostname()));
  });

  for (const engine of ['native', 'http-proxy'] as const) {
    it(`a stop is announced before it is felt, engine ${engine}: /readyz says 503 while requests are still answered, each the last on its connection`, async () => {
      const { proxy, base } = await running(undefined, {}, { engine, shutdownGraceMs: 60_000, limits: { lameDuckMs: 60_000 } });
      const [kept, other] = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })];
      const ask = (agent: Agent) => answerOf(httpRequest(`${base}/services/cart/methods/x`, { agent }).end());
      expect((await ask(kept)).headers.connection).not.toBe('close');
      await ask(other);
      const closed = proxy.close();
      expect([(await call(`${proxy.adminUrl}/readyz`)).status, (await call(`${proxy.adminUrl}/readyz`)).json()]).toEqual([
        503,
        expect.objectContaining({ ready: false, stopping: true }),
      ]);
      const last = await ask(kept);
      expect([last.statusCode, last.headers.connection]).toEqual([200, 'close']);
      // Nobody is connected any more: it does not wait for its minute.
      other.destroy();
      await closed;
    });
  }

  it('an address that is taken makes the start fail, and leaves nothing open', async () => {
    const { proxy } = await running();
    const port = Number(new URL(proxy.adminUrl).port);
    await expect(startProxy({ bus: new FakeBus(), log: silent, port })).rejects.toThrow('EADDRINUSE');
    await expect(startProxy({ bus: new FakeBus(), log: silent, adminPort: port })).rejects.toThrow('EADDRINUSE');
  });
});

describe('CONTRACT §4: admin port', () => {
  it('/table shows what is routed by, with its revision; /metrics counts by version; unknown names make no series', async () => {
    const { proxy, base } = await running();
    await call(`${base}/services/cart/methods/x`);
    await call(`${proxy.proxyUrl}/namespaces/made/apps/up/services/s/methods/x`);
    expect((await call(`${proxy.adminUrl}/table`)).json()).toMatchObject({
      source: 'live',
      applied: { epoch: 'e1', revision: 1 },
      documents: [{ revision: 1 }],
    });
    await until(async () => (await call(`${proxy.adminUrl}/metrics`)).text.includes('code="404"'));
    const { text } = await call(`${proxy.adminUrl}/metrics`);
    const labels =
      '{namespace="default",app="shop",service="cart",version="1",http_request_method="GET",http_response_status_code="200",error_type=""}';
    expect(text).toContain(`http_server_request_duration_seconds_count${labels} 1`);
    expect(text).toContain(`http_client_request_duration_seconds_count${labels} 1`);
    expect(text).toContain('fabric_proxy_table_revision 1');
    expect(text).toMatch(/^fabric_proxy_table_age_seconds \d/m);
    expect(text).toContain('fabric_proxy_bus_connected 1');
    expect(text).toContain('fabric_proxy_problems_total{problem="app_not_found"} 1');
    expect(text).not.toContain('"made"');
    expect((await call(`${proxy.adminUrl}/nothing`)).json()).toMatchObject({ status: 404 });
    expect((await call(`${proxy.adminUrl}/table`, {}, 'POST')).json()).toMatchObject({ status: 405, code: 'method_not_allowed' });
  });

  it('with metrics off requests are not counted; what the proxy is and does is still shown', async () => {
    const bus = new FakeBus();
    bus.store('e1', 1, [shop(1, { 1: [{ id: 'nobody', url: 'http://127.0.0.1:9' }] }, { 1: 10_000 })]);
    const proxy = await start(bus, { metrics: false });
    expect((await call(`${proxy.proxyUrl}${PATH}/services/cart/methods/x`)).status).toBe(502);
    expect((await call(`${proxy.proxyUrl}/nothing`)).status).toBe(404);
    const { text } = await call(`${proxy.adminUrl}/metrics`);
    expect(text).not.toMatch(/^http_(server|client)_request_duration_seconds/m);
    expect(text).toContain('fabric_proxy_problems_total{problem="upstream_connect_failed"} 1');
    expect(text).toContain('fabric_proxy_table_revision 1');
    await proxy.close();
    expect(bus.frames).toEqual([]);
  });

  const broken: [string, string, number, string][] = [
    ['bytes that are no request', '\0\x01\x02\r\n\r\n', 400, 'bad_request'],
    ['no Host', 'GET /readyz HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'bad_request'],
    ['a head of 100 KB', `GET /readyz HTTP/1.1\r\nHost: h\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`, 431, 'header_too_large'],
    ['an expectation', 'GET /readyz HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: more\r\n\r\n', 417, 'expectation_failed'],
  ];
  for (const [title, bytes, status, code] of broken) {
    it(`what is no request of it is answered with a problem document too: ${title}`, async () => {
      const { proxy } = await running();
      const peer = await RawPeer.connect(Number(new URL(proxy.adminUrl).port));
      cleanups.push(() => peer.close());
      peer.send(bytes);
      const answer = await peer.readMessage();
      expect(valuesOf(answer.headers, 'content-type')).toEqual(['application/problem+json']);
      expect([answer.status, JSON.parse(answer.body.toString())]).toEqual([status, expect.objectContaining({ status, code })]);
    });
  }
});

function abortedCall(url: string): Promise<void> {
  return new Promise((resolve) => {
    const request = httpRequest(url, { agent: false });
    request.on('error', () => undefined);
    request.on('socket', (socket) => socket.once('connect', () => setImmediate(() => request.destroy())));
    request.on('close', () => resolve());
    request.end();
  });
}

async function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  answer.resume();
  await once(answer, 'end');
  return answer;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition was not met in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
