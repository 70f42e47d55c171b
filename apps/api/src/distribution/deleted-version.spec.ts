import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { TestApps } from '../testing/test-apps.js';

describe('CONTRACT §3: a deleted version', () => {
  let api: TestApi;
  let apps: TestApps;

  beforeAll(async () => {
    api = await createTestApi();
    apps = await TestApps.of(api);
  }, 60_000);
  afterAll(() => api.close());

  const distribution = async (app: string) => (await api.http.get(`${app}/distribution`).expect(200)).body;

  it('rollback across it: 422 unknown_version, and nothing is changed; past it: as ever', async () => {
    const app = await apps.appWith('1/cart', '2/cart');
    await api.http
      .put(`${app}/distribution`)
      .send({ weights: { 2: 100 } })
      .expect(200);
    await api.http.post(`${app}/versions/1/services/cart/stop`).set('Prefer', 'wait=10').send({}).expect(202);
    await api.http.delete(`${app}/versions/1`).expect(204);
    expect((await api.http.post(`${app}/distribution/rollback`).send({}).expect(422)).body.code).toBe('unknown_version');
    expect(await distribution(app)).toMatchObject({ revision: 2, weights: { 2: 100 } });
    expect((await api.http.post(`${app}/distribution/rollback`).send({ toRevision: 2 }).expect(200)).body).toMatchObject({
      revision: 3,
      weights: { 2: 100 },
    });
    const put = (weights: object) => api.http.put(`${app}/distribution`).send({ weights });
    expect((await put({ 1: 100 }).expect(422)).body.code).toBe('unknown_version');
    expect((await put({ 2: 100, 1: 0 }).expect(422)).body.code).toBe('unknown_version');
    expect((await api.http.put(`${app}/aliases/old`).send({ version: 1 }).expect(422)).body.code).toBe('unknown_version');
  });
});
