import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { TestApps } from '../testing/test-apps.js';

const RUN = '4ec09fe6-faa6-4b0e-81dd-5df97ce2e423';

describe('CONTRACT §3: lists take ?limit=&cursor=, and a cursor that no answer gave is 400 invalid_cursor', () => {
  let api: TestApi;
  let app: string;

  beforeAll(async () => {
    api = await createTestApi();
    const apps = await TestApps.of(api);
    app = await apps.appWith('1/cart', '2/cart');
    await api.http
      .put(`${app}/distribution`)
      .send({ weights: { 1: 50, 2: 50 } })
      .expect(200);
    for (const alias of ['a', 'b']) await api.http.put(`${app}/aliases/${alias}`).send({ version: 1 }).expect(201);
  }, 60_000);
  afterAll(() => api.close());

  const forged: [string, string, unknown][] = [
    ['versions', '/versions', 9_007_199_254_740_991],
    ['versions', '/versions', 2_147_483_648],
    ['versions', '/versions', 1.5],
    ['versions', '/versions', '1'],
    ['versions', '/versions', null],
    ['history', '/distribution/history', 3_000_000_000],
    ['history', '/distribution/history', [1]],
    ['runs', '/versions/1/services/cart/runs', `1 ${RUN}`],
    ['runs', '/versions/1/services/cart/runs', `+275760-09-13T00:00:00.000Z ${RUN}`],
    ['runs', '/versions/1/services/cart/runs', `-200000-01-01T00:00:00.000Z ${RUN}`],
    ['runs', '/versions/1/services/cart/runs', `Jan-1-2020 ${RUN}`],
    ['runs', '/versions/1/services/cart/runs', `2026-02-30T00:00:00.000Z ${RUN}`],
    ['runs', '/versions/1/services/cart/runs', '2026-01-01T00:00:00.000Z nobody'],
    ['runs', '/versions/1/services/cart/runs', '2026-01-01T00:00:00.000Z'],
    ['aliases', '/aliases', 1],
    ['aliases', '/aliases', 'a\0'],
  ];
  it.each(forged)('%s%s after %j', async (_label, path, key) => {
    const cursor = Buffer.from(JSON.stringify(key)).toString('base64url');
    expect((await api.http.get(`${app}${path}?cursor=${cursor}`)).body).toMatchObject({ status: 400, code: 'invalid_cursor' });
  });

  it.each(['/versions', '/aliases', '/distribution/history', '/versions/1/services/cart/runs'])(
    '%s: page by page is the whole',
    async (path) => {
      const { body: all } = await api.http.get(app + path).expect(200);
      expect(all.nextCursor).toBeNull();
      const paged: unknown[] = [];
      let cursor = '';
      do {
        const { body } = await api.http.get(`${app}${path}?limit=1${cursor}`).expect(200);
        paged.push(...body.items);
        cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`;
      } while (cursor !== '');
      expect(paged).toEqual(all.items);
    },
  );
});
