import { AggregatorRegistry, Counter, Histogram, Registry } from 'prom-client';
import { ProxyMetrics } from './proxy-metrics.js';

const route = { namespace: 'default', app: 'shop', service: 'cart', version: '2' };
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** On, just below and just above bounds, beyond the last, and nothing. */
const DURATIONS = [0, 0.0009, 0.001, 0.0010001, 0.3, 0.5, 59.9, 60, 60.1, 1e6];

const linesOf = (text: string) => text.split('\n').filter((line) => /^(http_server|fabric_proxy_requests)/.test(line));

/** The same requests, counted by prom-client itself. */
function reference(): Registry {
  const registry = new Registry();
  const labelNames = ['namespace', 'app', 'service', 'version', 'code'];
  const requests = new Counter({ name: 'fabric_proxy_requests_total', help: 'x', labelNames, registers: [registry] });
  const duration = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'x',
    labelNames,
    buckets,
    registers: [registry],
  });
  for (const seconds of DURATIONS) {
    for (const code of ['2xx', '5xx']) {
      requests.inc({ ...route, code });
      duration.observe({ ...route, code }, seconds);
    }
  }
  return registry;
}

function counted(): ProxyMetrics {
  const metrics = new ProxyMetrics(
    () => 0,
    () => [],
  );
  const counts = metrics.countsOf(route);
  for (const seconds of DURATIONS) {
    metrics.requestEnded(counts, { status: 204, outcome: 'complete' }, seconds);
    // The table was replaced: other counts of the same route.
    metrics.requestEnded(metrics.countsOf({ ...route }), { status: 503, outcome: 'complete' }, seconds);
  }
  return metrics;
}

describe('what requests are counted in', () => {
  it('is shown exactly as prom-client would show it', async () => {
    const shown = linesOf(await counted().registry.metrics());
    expect(shown.length).toBe(2 * (buckets.length + 4));
    expect(new Set(shown)).toEqual(new Set(linesOf(await reference().metrics())));
  });

  it('adds up over processes as prom-client does', async () => {
    const sum = async (registry: Registry) => {
      const json = (await registry.getMetricsAsJSON()) as unknown as object;
      return linesOf(await AggregatorRegistry.aggregate([json, json] as object[]).metrics());
    };
    expect(new Set(await sum(counted().registry))).toEqual(new Set(await sum(reference())));
  });

  it('counts together what comes beyond the series that there may be', async () => {
    const metrics = new ProxyMetrics(
      () => 0,
      () => [],
    );
    for (let app = 0; app < 20_005; app++) {
      metrics.requestEnded(metrics.countsOf({ ...route, app: `a${app}` }), { status: 200, outcome: 'complete' }, 0.1);
    }
    const shown = await metrics.registry.getSingleMetric('fabric_proxy_requests_total')?.get();
    expect(shown?.values.length).toBe(20_001);
    expect(shown?.values.at(-1)).toEqual({
      value: 5,
      labels: { namespace: '_other', app: '_other', service: '_other', version: '_other', code: '2xx' },
    });
  });
});
