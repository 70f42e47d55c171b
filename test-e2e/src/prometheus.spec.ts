import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, sendHttp } from '@app-fabric/scenario';
import { OtlpReceiver } from '@app-fabric/tracing/testing';
import { parse } from 'yaml';
import { CountedApp } from './harness/counted-app.js';
import { describeWithPrometheus } from './harness/describe-with-servers.js';
import { Fabric } from './harness/fabric.js';
import { metricNamesOf, namesIn } from './harness/metric-names.js';
import { OwnPrometheus, PROMETHEUS_FILES, promtool, type Sample } from './harness/own-prometheus.js';

const SETTLE_MS = 30_000;
const DASHBOARD = join(PROMETHEUS_FILES, '../grafana/dashboards/versions.json');
/** What there is nothing to show of, as long as nothing goes wrong. */
const MAY_BE_EMPTY = ['Canary releases', 'Retries', 'Ejections', 'Runs that ended', 'Answers that proxies made themselves', 'Runs'];

/** Every request is traced, every error has its line: nothing of either is left out here, so that they can be counted. */
const settingsFor = (receiver: OtlpReceiver) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  OTEL_TRACES_SAMPLER: 'always_on',
  OTEL_BSP_SCHEDULE_DELAY: '100',
  OTEL_BSP_MAX_QUEUE_SIZE: '20000',
  FABRIC_PROXY_REQUEST_LOG_LINES_PER_SECOND: '1000',
});

const QUANTILES = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p99', 0.99],
] as const;

interface Rules {
  groups: { rules: { record?: string; alert?: string; expr: string }[] }[];
}
interface Panel {
  title: string;
  targets?: { expr: string }[];
}

const rules = (parse(readFileSync(join(PROMETHEUS_FILES, 'rules.yml'), 'utf8')) as Rules).groups.flatMap((group) => group.rules);
const panels = (JSON.parse(readFileSync(DASHBOARD, 'utf8')) as { panels: Panel[] }).panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => ({ title, expr })),
);

describeWithPrometheus('a real Prometheus', () => {
  let fabric: Fabric;
  let app: CountedApp;
  let prometheus: OwnPrometheus;
  let receiver: OtlpReceiver;

  beforeAll(async () => {
    receiver = await OtlpReceiver.start();
    fabric = await Fabric.start({ proxies: 2, settings: settingsFor(receiver) });
    app = await CountedApp.make(fabric, [[0, 0], [20]], { 1: 90, 2: 10 });
    prometheus = await OwnPrometheus.start({
      'app-fabric-api': [new URL(fabric.api.ready.api!).host],
      'app-fabric-proxy': fabric.adminUrls.map((url) => new URL(url).host),
    });
    await app.load(2_000, [0, 1]);
    await app.agree();
  }, 300_000);
  afterAll(async () => {
    await prometheus?.stop();
    await fabric?.stop();
    await app?.close();
    await receiver?.stop();
  }, 60_000);

  const requests = (labels = '') => `http_server_request_duration_seconds_count{app="${app.name}"${labels}}`;
  const byVersion = (samples: readonly Sample[]) => Object.fromEntries(samples.map(({ metric, value }) => [metric.version!, value]));
  /** Resolves when Prometheus has scraped everything that there is. */
  const scraped = () =>
    eventually('Prometheus has scraped what the instances have counted', SETTLE_MS, async () => {
      const seen = byVersion(await prometheus.query(`sum by (version) (${requests()})`));
      const counted = app.counted('version');
      return Object.entries(counted).every(([version, counts]) => seen[version] === counts.requests) ? true : undefined;
    });
  const exposition = async (url: string) => String((await sendHttp('GET', `${url}/metrics`)).body);

  it('the scenario’s step 5: Prometheus says what API and instances say, to the last request', async () => {
    await scraped();
    const { 1: first, 2: second } = app.counted('version');
    const errors = byVersion(await prometheus.query(`sum by (version) (${requests(',error_type!=""')})`));
    expect(errors).toEqual({ 2: second!.errors });
    const statuses = byVersion(await prometheus.query(`sum by (version) (${requests(',http_response_status_code="200"')})`));
    expect(statuses).toEqual({ 1: first!.requests, 2: second!.requests - second!.errors });
    const attempts = `http_client_request_duration_seconds_count{app="${app.name}"}`;
    expect(byVersion(await prometheus.query(`sum by (version) (${attempts})`))).toEqual({ 1: first!.requests, 2: second!.requests });

    const { groups } = await fabric.client.call('GET', `${app.path}/metrics?window=15m`);
    for (const { version, requests: count, errorRate, availability, latencyMs, upstreamLatencyMs } of groups) {
      const of = `,version="${version}"`;
      const value = async (expression: string) => (await prometheus.query(expression))[0]?.value ?? 0;
      expect(await value(`sum(${requests(of)})`)).toBe(count);
      const errorShare = await value(`sum(${requests(`${of},error_type!=""`)}) / sum(${requests(of)})`);
      expect(errorShare).toBeCloseTo(errorRate, 12);
      expect(1 - errorShare).toBeCloseTo(availability, 12);
      for (const [side, percentiles] of [
        ['server', latencyMs],
        ['client', upstreamLatencyMs],
      ] as const) {
        // Prometheus' buckets are coarse: the API's percentile (within 2 %) lies in the one that holds the quantile.
        const buckets = await prometheus.query(`sum by (le) (http_${side}_request_duration_seconds_bucket{app="${app.name}"${of}})`);
        for (const [name, q] of QUANTILES) {
          const seconds = percentiles[name] / 1_000;
          const upTo = (bound: number) =>
            Math.max(0, ...buckets.filter(({ metric }) => Number(metric.le) <= bound).map((one) => one.value));
          const from = (bound: number) => Math.min(...buckets.filter(({ metric }) => !(Number(metric.le) < bound)).map((one) => one.value));
          expect(upTo(seconds * 0.98)).toBeLessThanOrEqual(Math.ceil(q * count));
          expect(from(seconds * 1.02)).toBeGreaterThanOrEqual(Math.floor(q * count));
        }
      }
    }
  }, 60_000);

  it('the scenario’s step 5: errors, logs and traces name the same requests as the instances have failed', async () => {
    const { 1: first, 2: second } = app.counted('version');
    const allOf = <T>(what: string, look: () => Promise<T[]>) =>
      eventually(`${what} of all errors`, SETTLE_MS, async () => {
        const found = await look();
        return found.length >= second!.errors ? found : undefined;
      });
    const nameOf = ({ version, runId, traceId }: Record<string, unknown>) => `${version} ${runId} ${traceId}`;
    const items = await allOf<Record<string, unknown>>(
      'samples',
      async () => (await fabric.client.call('GET', `${app.path}/errors?limit=500`)).items,
    );
    const told = new Set(items.map(nameOf));
    expect([items.length, told.size]).toEqual([second!.errors, second!.errors]);

    const lines = await allOf('lines', async () =>
      fabric.proxies
        .flatMap(({ logTail }) => logTail.split('\n'))
        .filter((line) => line.endsWith('"msg":"request failed"}'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    );
    expect(lines.length).toBe(second!.errors);
    expect(new Set(lines.map(nameOf))).toEqual(told);

    const spans = await receiver.until((all) => {
      const own = all.filter(
        ({ kind, attributes, resource }) =>
          kind === 'server' && attributes['fabric.app'] === app.name && resource['service.name'] === 'app-fabric-proxy',
      );
      return own.length >= first!.requests + second!.requests ? own : undefined;
    }, SETTLE_MS);
    const ofVersion = (version: number) => spans.filter(({ attributes }) => attributes['fabric.version'] === version);
    expect([ofVersion(1).length, ofVersion(2).length]).toEqual([first!.requests, second!.requests]);
    const failed = spans
      .filter((span) => span.failed)
      .map(({ traceId, attributes }) => `${attributes['fabric.version']} ${attributes['fabric.run.id']} ${traceId}`);
    expect(failed.length).toBe(second!.errors);
    expect(new Set(failed)).toEqual(told);
  }, 60_000);

  it('promtool finds nothing wrong with what API and proxies show, but for a name that is OpenTelemetry’s', async () => {
    const NAMED_SO = /^db_client_connection_count non-histogram and non-summary metrics should not have "_count" suffix\n$/;
    for (const url of [fabric.api.ready.api!, ...fabric.adminUrls])
      expect((promtool(['check', 'metrics'], await exposition(url)) ?? '').replace(NAMED_SO, '')).toBe('');
  }, 60_000);

  it('no rule and no panel asks for a metric that does not exist', async () => {
    const shown = new Set(['up', ...rules.flatMap(({ record }) => record ?? [])]);
    for (const url of [fabric.api.ready.api!, fabric.adminUrls[0]!]) for (const name of namesIn(await exposition(url))) shown.add(name);
    const asked = [...rules.map(({ expr }) => expr), ...panels.map(({ expr }) => expr)].flatMap(metricNamesOf);
    expect(asked.length).toBeGreaterThan(50);
    expect([...new Set(asked)].filter((name) => !shown.has(name))).toEqual([]);
  });

  it('every query of rules and dashboard can be answered, those of the panels with something to show', async () => {
    await scraped();
    for (const { expr } of rules) await prometheus.query(expr);
    const empty = await eventually('all panels show something', SETTLE_MS, async () => {
      const titles: string[] = [];
      for (const { title, expr } of panels) {
        const asked = expr
          .replaceAll('$__rate_interval', '1m')
          .replaceAll('$namespace', 'default')
          .replaceAll('$app', app.name)
          .replaceAll('$service', '.*');
        if ((await prometheus.query(asked)).length === 0) titles.push(title);
      }
      return titles.every((title) => MAY_BE_EMPTY.includes(title)) ? titles : undefined;
    });
    expect(panels.length - empty.length).toBeGreaterThan(25);
  }, 60_000);

  it('a version is zeroed: the alert fires; nothing else does', async () => {
    await fabric.client.call('POST', `${app.path}/distribution/zero`, { json: { version: 2 }, wait: 10 });
    await eventually('the alert fires', SETTLE_MS, async () => ((await prometheus.firing()).length > 0 ? true : undefined));
    expect(await prometheus.firing()).toEqual([{ name: 'FabricCanaryZeroed', app: app.name }]);
  }, 60_000);
});
