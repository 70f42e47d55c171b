import { createTestApi, type TestApi } from '../testing/create-test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await createTestApi();
});
afterAll(() => api.close());

const PATH = '/v1/pipelines/shop';
const STAGES = [
  { namespace: 'test', minSoak: '1d', criteria: { checks: ['load'] } },
  { namespace: 'live', requiresApproval: true, plan: 'careful' },
];
const [FIRST] = STAGES;

describe('the pipeline `default`', () => {
  it('has the stages of the progressive validation, can be replaced and not deleted', async () => {
    const { body, headers } = await api.http.get('/v1/pipelines/default').expect(200);
    expect(body.stages).toEqual([
      {
        namespace: 'test',
        minSoak: '1d',
        criteria: { metrics: {}, checks: ['code-review', 'functional', 'basic-performance'] },
        requiresApproval: false,
        plan: null,
      },
      {
        namespace: 'beta',
        minSoak: '3d',
        criteria: { metrics: {}, checks: ['real-data', 'production-performance'] },
        requiresApproval: false,
        plan: null,
      },
      { namespace: 'production', minSoak: null, criteria: { metrics: {}, checks: [] }, requiresApproval: false, plan: 'standard' },
    ]);
    expect((await api.http.delete('/v1/pipelines/default').expect(409)).body.code).toBe('pipeline_reserved');
    const { description, stages } = body;
    const put = await api.http.put('/v1/pipelines/default').set('If-Match', headers.etag!).send({ description, stages }).expect(200);
    expect(put.body.stages).toEqual(stages);
    expect(put.headers.etag).toBe(headers.etag);
  });
});

describe('PUT, GET and DELETE of a pipeline', () => {
  it('makes it with 201, replaces it with 200, lists it, deletes it; its namespaces need not exist', async () => {
    const made = await api.http.put(PATH).send({ stages: STAGES }).expect(201);
    expect(made.body).toMatchObject({ name: 'shop', description: null, updatedBy: 'admin' });
    expect(made.body.stages[1]).toEqual({
      namespace: 'live',
      minSoak: null,
      criteria: { metrics: {}, checks: [] },
      requiresApproval: true,
      plan: 'careful',
    });
    const metrics = { maxErrorRate: 0, minAvailability: 0.999, minRequests: 100, maxLatencyMs: { p50: 20.5, p99: 100 } };
    const stages = [{ namespace: 'test', minSoak: '0s', criteria: { metrics } }, { namespace: 'live' }];
    await api.http.put(PATH).set('If-Match', '"0"').send({ stages }).expect(412);
    const replaced = await api.http.put(PATH).set('If-Match', made.headers.etag!).send({ description: 'x', stages }).expect(200);
    expect(replaced.body.stages[0]).toMatchObject({ minSoak: '0s', criteria: { metrics, checks: [] } });
    expect((await api.http.get(PATH).expect(200)).headers.etag).toBe(replaced.headers.etag);
    const { items } = (await api.http.get('/v1/pipelines').expect(200)).body;
    expect(items.map(({ name }: { name: string }) => name)).toEqual(['default', 'shop']);
    await api.http.delete(PATH).expect(204);
    expect((await api.http.get(PATH).expect(404)).body.code).toBe('pipeline_not_found');
  });

  it('is in the audit of the namespaces that there are', async () => {
    await api.http.put('/v1/namespaces/live').send({}).expect(201);
    await api.http.put(PATH).send({ stages: STAGES }).expect(201);
    await api.http.delete(PATH).expect(204);
    const { items } = (await api.http.get('/v1/namespaces/live/audit').expect(200)).body;
    expect(items).toMatchObject([
      { action: 'pipeline_changed', subject: 'shop', detail: { deleted: true } },
      { action: 'pipeline_changed', subject: 'shop', by: 'admin', detail: { revision: 1 } },
      { action: 'namespace_made' },
    ]);
  });

  it.each<[string, unknown, string]>([
    ['no stages', [], 'stages'],
    ['no list', {}, 'stages'],
    ['a stage that is none', ['test'], 'stages'],
    ['21 stages', Array.from({ length: 21 }, (_, index) => ({ namespace: `n${index}` })), 'stages'],
    ['a namespace twice', [FIRST, FIRST], 'stages'],
    ['no namespace', [{}], 'stages.0.namespace'],
    ['a namespace that is no name', [{ namespace: 'a b' }], 'stages.0.namespace'],
    ['a soak without a unit', [{ ...FIRST, minSoak: '5' }], 'stages.0.minSoak'],
    ['a soak that is no text', [{ ...FIRST, minSoak: 5 }], 'stages.0.minSoak'],
    ['a soak beyond what is kept', [{ ...FIRST, minSoak: '91d' }], 'stages.0.minSoak'],
    ['a rate above 1', [{ ...FIRST, criteria: { metrics: { maxErrorRate: 1.1 } } }], 'stages.0.criteria.metrics.maxErrorRate'],
    ['a rate as text', [{ ...FIRST, criteria: { metrics: { minAvailability: '0.9' } } }], 'stages.0.criteria.metrics.minAvailability'],
    ['half a request', [{ ...FIRST, criteria: { metrics: { minRequests: 0.5 } } }], 'stages.0.criteria.metrics.minRequests'],
    ['one latency', [{ ...FIRST, criteria: { metrics: { maxLatencyMs: 5 } } }], 'stages.0.criteria.metrics.maxLatencyMs'],
    ['an unknown metric', [{ ...FIRST, criteria: { metrics: { maxCost: 5 } } }], 'stages.0.criteria.metrics.maxCost'],
    ['a check twice', [{ ...FIRST, criteria: { checks: ['a', 'a'] } }], 'stages.0.criteria.checks'],
    ['a check that is no name', [{ ...FIRST, criteria: { checks: [''] } }], 'stages.0.criteria.checks'],
    ['an approval of the first stage', [{ ...FIRST, requiresApproval: true }], 'stages.0.requiresApproval'],
    ['an unknown field', [{ ...FIRST, gate: 1 }], 'stages.0.gate'],
  ])('refuses %s with 400', async (_, stages, path) => {
    const { body } = await api.http.put(PATH).send({ stages }).expect(400);
    expect(body).toMatchObject({ code: 'validation_failed', errors: expect.arrayContaining([expect.objectContaining({ path })]) });
    await api.http.get(PATH).expect(404);
  });
});
