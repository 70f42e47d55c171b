import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { eventually } from '../testing/eventually.js';

let api: TestApi;
beforeAll(async () => {
  api = await createTestApi();
});
afterAll(() => api.close());

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
          `^fabric_api_http_request_duration_seconds_count\\{method="GET",route="${route}",status="${status}"\\} (\\d+)$`,
          'm',
        ).exec(text)?.[1];
      expect(count('/v1/namespaces/:ns', 200)).toBe('1');
      expect(count('/v1/namespaces/:ns', 404)).toBe('2');
      expect(count('none', 404)).toBe('1');
      expect(text).toContain('process_cpu_seconds_total');
      const routes = [...text.matchAll(/route="([^"]*)"/g)].map(([, route]) => route);
      expect([...new Set(routes)].sort()).toEqual(['/metrics', '/v1/namespaces/:ns', 'none']);
    });
  });
});
