import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { TestApps } from '../testing/test-apps.js';

let api: TestApi;
let app: string;
beforeAll(async () => {
  api = await createTestApi();
  app = await (await TestApps.of(api)).appWith();
});
afterAll(() => api.close());

const post = (body: object) => api.http.post(`${app}/validations`).send(body);
const GOOD = { version: 1, check: 'load', result: 'passed' };

describe('validations', () => {
  it('say who has checked and whose token it was, and are listed newest first, of one version too', async () => {
    const { body } = await post({ ...GOOD, by: 'qa@example.com', link: 'https://ci.example.com/4711', comment: 'all of it' }).expect(201);
    expect(body).toEqual({
      id: expect.any(Number),
      ...GOOD,
      by: 'qa@example.com',
      recordedBy: 'admin',
      link: 'https://ci.example.com/4711',
      comment: 'all of it',
      at: expect.any(String),
    });
    const tagOf = async (version: number) => (await api.http.get(`${app}/versions/${version}`).expect(200)).headers.etag;
    const before = await tagOf(2);
    const failed = (await post({ version: 2, check: 'load', result: 'failed' }).expect(201)).body;
    expect(failed).toMatchObject({ by: 'admin', recordedBy: 'admin', link: null, comment: null });
    const list = async (query = '') => (await api.http.get(`${app}/validations${query}`).expect(200)).body;
    expect(await list()).toEqual({ items: [failed, body], nextCursor: null });
    expect((await list('?version=1')).items).toEqual([body]);
    const page = await list('?limit=1');
    expect((await list(`?limit=1&cursor=${page.nextCursor}`)).items).toEqual([body]);
    expect((await api.http.get(`${app}/versions/2`)).body.rejection).toMatchObject({ check: 'load', version: 2 });
    expect(await tagOf(2)).not.toBe(before);
    expect((await api.http.get(`${app}/versions/1`)).body.rejection).toBeNull();
    const [entry] = (await api.http.get('/v1/namespaces/default/audit?limit=1').expect(200)).body.items;
    expect(entry).toMatchObject({ action: 'validation_recorded', by: 'admin', detail: { check: 'load', result: 'failed', by: 'admin' } });
  });

  it.each([
    ['an unknown version', { version: 9 }, 422, 'unknown_version'],
    ['no version', { version: '1' }, 400, 'validation_failed'],
    ['no check', { check: '' }, 400, 'validation_failed'],
    ['a check that is no name', { check: 'a b' }, 400, 'validation_failed'],
    ['an unknown result', { result: 'skipped' }, 400, 'validation_failed'],
    ['nobody', { by: '' }, 400, 'validation_failed'],
    ['a link that runs a script', { link: 'javascript:alert(1)' }, 400, 'validation_failed'],
    ['a link with a blank', { link: 'https://a b' }, 400, 'validation_failed'],
    ['an unknown field', { passed: true }, 400, 'validation_failed'],
  ])('%s', async (_, patch, status, code) => {
    expect((await post({ ...GOOD, ...patch }).expect(status)).body.code).toBe(code);
  });

  it('of an app that there is not are 404', async () => {
    expect((await api.http.get('/v1/namespaces/default/apps/none/validations').expect(404)).body.code).toBe('app_not_found');
    expect((await api.http.post('/v1/namespaces/none/apps/none/validations').send(GOOD).expect(404)).body.code).toBe('namespace_not_found');
  });
});
