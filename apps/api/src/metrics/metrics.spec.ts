import { proxyReport, refusal } from '../publishing/testing/proxy-report.js';
import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { eventually } from '../testing/eventually.js';
import { FakePublisherBus } from '../testing/fake-publisher-bus.js';
import { TestApps } from '../testing/test-apps.js';

let api: TestApi;
let bus: FakePublisherBus;
beforeAll(async () => {
  bus = new FakePublisherBus();
  api = await createTestApi({ bus });
});
afterAll(() => api.close());

const exposition = async () => (await api.anonymous.get('/metrics').expect(200)).text;
/** The value of a series, as text; undefined: it is not shown. */
const seriesOf = (text: string, series: string) =>
  text
    .split('\n')
    .find((line) => line.startsWith(`${series} `))
    ?.slice(series.length + 1);

describe('/metrics', () => {
  it('counts requests by route template, so that paths cannot make series without end', async () => {
    await api.http.get('/v1/namespaces/default').expect(200);
    await api.http.get('/v1/namespaces/one').expect(404);
    await api.http.get('/v1/namespaces/two').expect(404);
    await api.http.get('/some/where').expect(404);
    await api.anonymous.get('/metrics').expect(200);
    await eventually(async () => {
      const { text, headers } = await api.anonymous.get('/metrics').expect(200);
      expect(headers['content-type']).toContain('text/plain');
      const count = (route: string, status: number) =>
        new RegExp(
          `^http_server_request_duration_seconds_count\\{http_request_method="GET",http_route="${route}",http_response_status_code="${status}",error_type=""\\} (\\d+)$`,
          'm',
        ).exec(text)?.[1];
      expect(count('/v1/namespaces/:ns', 200)).toBe('1');
      expect(count('/v1/namespaces/:ns', 404)).toBe('2');
      expect(count('none', 404)).toBe('1');
      expect(text).toContain('process_cpu_seconds_total');
      const routes = [...text.matchAll(/http_route="([^"]*)"/g)].map(([, route]) => route);
      expect([...new Set(routes)].sort()).toEqual(['/metrics', '/v1/namespaces/:ns', 'none']);
    });
  });

  it('shows what is committed and not published, and for how long; what is meant to run; and who has applied it', async () => {
    const apps = await TestApps.of(api);
    const app = await apps.appWith('1/cart', '2/cart');
    await api.http
      .put(`${app}/distribution`)
      .send({ weights: { 1: 75, 2: 25 } })
      .expect(200);
    const scope = 'namespace="default",app="made-1",service=""';
    const before = await eventually(async () => {
      const text = await exposition();
      expect(seriesOf(text, 'fabric_outbox_pending_changes')).toBe('0');
      expect(seriesOf(text, `fabric_distribution_weight_ratio{${scope},version="2"}`)).toBe('0.25');
      return text;
    });
    const revision = Number(seriesOf(before, 'fabric_route_revision'));
    expect(revision).toBeGreaterThan(0);
    expect(seriesOf(before, 'fabric_published_revision')).toBe(String(revision));
    expect(seriesOf(before, 'fabric_runs{type="service",status="RUNNING"}')).toBe('2');
    expect(seriesOf(before, `fabric_distribution_zeroed{${scope}}`)).toBe('0');
    expect(Number(seriesOf(before, 'fabric_published_changes_total'))).toBeGreaterThan(0);
    expect(seriesOf(before, 'fabric_publisher_active')).toBe('1');

    bus.report(proxyReport('up-to-date', revision));
    bus.report(proxyReport('behind', revision - 1));
    bus.report(refusal('refuses', revision, 'made-1', revision, null));
    await eventually(async () => {
      const text = await exposition();
      const names = ['fabric_proxies', 'fabric_proxies_behind', 'fabric_proxies_rejecting'];
      expect(names.map((name) => seriesOf(text, name))).toEqual(['3', '2', '1']);
    });

    bus.setConnected(false);
    await api.http.post(`${app}/distribution/zero`).send({ version: 2 }).expect(200);
    await eventually(async () => {
      const text = await exposition();
      expect(seriesOf(text, 'fabric_bus_connected')).toBe('0');
      expect(seriesOf(text, 'fabric_outbox_pending_changes')).toBe('1');
      expect(Number(seriesOf(text, 'fabric_outbox_lag_seconds'))).toBeGreaterThan(0);
      expect(seriesOf(text, `fabric_distribution_zeroed{${scope}}`)).toBe('1');
      expect(seriesOf(text, `fabric_distribution_weight_ratio{${scope},version="2"}`)).toBeUndefined();
    });
    bus.setConnected(true);
    await eventually(async () => expect(seriesOf(await exposition(), 'fabric_outbox_lag_seconds')).toBe('0'));
  });

  it('shows the pool of connections, and how far measurements are behind', async () => {
    await eventually(async () => {
      const text = await exposition();
      const pool = 'db_client_connection_pool_name="app-fabric"';
      const counts = ['idle', 'used'].map((state) =>
        Number(seriesOf(text, `db_client_connection_count{${pool},db_client_connection_state="${state}"}`)),
      );
      expect(counts[0]! + counts[1]!).toBeGreaterThan(0);
      expect(seriesOf(text, `db_client_connection_max{${pool}}`)).toBe('10');
      expect(seriesOf(text, `db_client_connection_pending_requests{${pool}}`)).toBe('0');
      expect(seriesOf(text, 'fabric_database_up')).toBe('1');
      expect(seriesOf(text, 'fabric_measurement_accountant_active')).toBe('1');
      expect(Number(seriesOf(text, 'fabric_measurement_lag_seconds'))).toBeLessThan(5);
    });
  });
});
