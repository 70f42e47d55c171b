import { DURATION_BOUNDS_SECONDS } from '@app-fabric/measurement';
import { AggregatorRegistry, Histogram, Registry } from 'prom-client';
import { ProxyMetrics } from './proxy-metrics.js';
import type { RouteLabels, RouteRequests } from './route-requests.js';

const route = { namespace: 'default', app: 'shop', service: 'cart', version: '2' };
/** On, just below and just above bounds, beyond the last, and nothing. */
const DURATIONS = [0, 0.0049, 0.005, 0.0050001, 0.3, 0.5, 9.9, 10, 10.1, 1e6];
const OUTCOMES = [
  { method: 'GET', status: 204, error: null },
  { method: 'POST', status: 503, error: 'no_instance' },
  { method: 'GET', status: 0, error: null },
] as const;
const NAME = 'http_server_request_duration_seconds';
const NOTHING = { inFlight: () => 0, inFlightByRoute: () => [], ejected: () => [], unmeasured: () => 0 };

const linesOf = (text: string) => text.split('\n').filter((line) => line.startsWith(NAME));

/** The same requests, counted by prom-client itself. */
function reference(): Registry {
  const registry = new Registry();
  const labelNames = [...Object.keys(route), 'http_request_method', 'http_response_status_code', 'error_type'];
  const duration = new Histogram({ name: NAME, help: 'x', labelNames, buckets: [...DURATION_BOUNDS_SECONDS], registers: [registry] });
  for (const { method, status, error } of OUTCOMES) {
    const http_response_status_code = status === 0 ? '' : String(status);
    const labels = { ...route, http_request_method: method, http_response_status_code, error_type: error ?? '' };
    for (const seconds of DURATIONS) duration.observe(labels, seconds);
  }
  return registry;
}

function counted(): ProxyMetrics {
  const metrics = new ProxyMetrics(NOTHING);
  // Looked up anew: the table may have been replaced.
  for (const { method, status, error } of OUTCOMES)
    for (const seconds of DURATIONS)
      metrics
        .requestsOf({ ...route })
        .of(method, status, error)
        .server.add(seconds);
  return metrics;
}

async function counts(metrics: ProxyMetrics, name = NAME) {
  const { values } = await metrics.registry.getSingleMetric(name)!.get();
  return (values as { metricName?: string; labels: object; value: number }[])
    .filter(({ metricName }) => metricName === `${name}_count`)
    .map(({ labels, value }) => ({ labels, value }));
}

describe('what requests are counted in', () => {
  it('is shown exactly as prom-client would show it', async () => {
    const shown = linesOf(await counted().registry.metrics());
    expect(shown.length).toBe(OUTCOMES.length * (DURATION_BOUNDS_SECONDS.length + 3));
    expect(new Set(shown)).toEqual(new Set(linesOf(await reference().metrics())));
  });

  it('adds up over processes as prom-client does', async () => {
    const sum = async (registry: Registry) => {
      const json = (await registry.getMetricsAsJSON()) as unknown as object;
      return linesOf(await AggregatorRegistry.aggregate([json, json] as object[]).metrics());
    };
    expect(new Set(await sum(counted().registry))).toEqual(new Set(await sum(reference())));
  });

  it('counts together what comes beyond the routes that are told apart', async () => {
    const metrics = new ProxyMetrics(NOTHING);
    for (let app = 0; app < 2_005; app++)
      metrics
        .requestsOf({ ...route, app: `a${app}` })
        .of('GET', 200, null)
        .server.add(0.1);
    const shown = await counts(metrics);
    expect(shown.length).toBe(2_001);
    const other = { namespace: '_other', app: '_other', service: '_other', version: '_other' };
    expect(shown.at(-1)).toMatchObject({ value: 5, labels: { ...other, http_request_method: 'GET', http_response_status_code: '200' } });
  });

  it('methods and statuses that nobody has registered make no series of their own', async () => {
    const metrics = new ProxyMetrics(NOTHING);
    const requests = metrics.requestsOf(route);
    for (let index = 0; index < 500; index++) {
      requests.of(`M${index}`, 200, null).server.add(0.1);
      requests.of('GET', 230 + (index % 60), null).server.add(0.1);
    }
    const shown = await counts(metrics);
    expect(shown.map(({ labels, value }) => ({ ...labels, value }))).toEqual([
      { ...route, http_request_method: '_OTHER', http_response_status_code: '200', error_type: '', value: 500 },
      { ...route, http_request_method: 'GET', http_response_status_code: '200', error_type: '', value: 500 },
    ]);
  });

  it('one version cannot take the room of all others, nor all together more than there is', async () => {
    const metrics = new ProxyMetrics(NOTHING);
    let requests = 0;
    for (let version = 1; version <= 300; version++) {
      for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'PATCH', 'TRACE', 'OPTIONS', 'X']) {
        for (const status of [200, 201, 202, 203, 204, 205, 400, 401, 402]) {
          metrics
            .requestsOf({ ...route, version: String(version) })
            .of(method, status, null)
            .server.add(0.1);
          requests += 1;
        }
      }
    }
    const shown = await counts(metrics);
    const ofVersion = (wanted: string) => shown.filter(({ labels }) => (labels as { version: string }).version === wanted).length;
    expect([ofVersion('1'), ofVersion('_other')]).toEqual([50, 81]);
    expect(shown.length).toBe(8_000 + 81);
    expect(shown.reduce((sum, { value }) => sum + value, 0)).toBe(requests);
  });

  it('gives up what nothing routes to any more, so that there is room for new versions; it begins anew should it come back', async () => {
    const metrics = new ProxyMetrics(NOTHING);
    const old = Array.from({ length: 2_000 }, (_, index) => metrics.requestsOf({ ...route, app: `a${index}` }));
    for (const one of old) one.of('GET', 200, null).server.add(0.1);
    metrics.retry(old[0]!, 'reset');
    metrics.ejection(old[0]!);
    expect(metrics.requestsOf(route)).toBe(metrics.overflow);
    const isRouted = (requests: RouteRequests) => requests.route.app !== 'a0' && requests.route.app !== 'a1';
    for (let looks = 0; looks < 59; looks += 1) metrics.tidy(isRouted);
    expect(await counts(metrics)).toHaveLength(2_000);
    metrics.tidy(isRouted);
    expect(await counts(metrics)).toHaveLength(1_998);
    expect(await metrics.registry.metrics()).not.toContain('app="a0"');
    metrics.requestsOf(route).of('GET', 200, null).server.add(0.1);
    // Somebody still had it: it is counted again, from nothing, as long as there is room.
    old[1]!.of('GET', 200, null).server.add(0.1);
    old[0]!.of('GET', 200, null).server.add(0.1);
    const shown = (await counts(metrics)).map(({ labels, value }) => `${(labels as RouteLabels).app} ${value}`);
    expect(shown).toHaveLength(2_001);
    expect(shown.slice(-3)).toEqual(['shop 1', 'a1 1', '_other 1']);
  });

  it('requests in flight are shown by route, and those that belong to none', async () => {
    const metrics: ProxyMetrics = new ProxyMetrics({
      ...NOTHING,
      inFlight: () => 5,
      inFlightByRoute: () => [
        { requests: metrics.requestsOf(route), inFlight: 3 },
        { requests: metrics.overflow, inFlight: 1 },
      ],
    });
    const text = await metrics.registry.metrics();
    expect(text).toContain('http_server_active_requests{namespace="default",app="shop",service="cart",version="2"} 3\n');
    expect(text).toContain('http_server_active_requests{namespace="_other",app="_other",service="_other",version="_other"} 1\n');
    expect(text).toContain('http_server_active_requests{namespace="",app="",service="",version=""} 1\n');
  });
});
