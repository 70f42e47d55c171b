import { FAILED, FakeSource, OK, placeOf } from '../measurements/testing/frames.js';
import { bundleOf } from '../testing/bundle-of.js';
import { createTestApi, TEST_TOKEN, type TestApi } from '../testing/create-test-api.js';
import { eventually } from '../testing/eventually.js';
import { FakePublisherBus } from '../testing/fake-publisher-bus.js';
import { dump, withDatabase } from '../testing/test-apps.js';
import { TestStages } from '../testing/test-stages.js';

const bus = new FakePublisherBus();
let api: TestApi;
beforeAll(async () => {
  api = await createTestApi({ bus });
});
afterAll(() => api.close());

const HOUR_MS = 3_600_000;
const chunks = () =>
  withDatabase(api.databaseUrl, async (client) => (await client.query('SELECT DISTINCT bundle_id FROM bundle_chunks')).rowCount);

describe('a promotion', () => {
  it('makes the version in the next namespace from the same artifact, with its config, labels and line; once', async () => {
    const stages = await TestStages.of(api);
    const config = { currency: 'EUR' };
    const version = await stages.newVersion('1.0.0', { config, labels: { ticket: 'SHOP-17' } });
    const [test, beta, production] = stages.namespaces;
    const { body, headers } = await stages.promote(0, version).expect(201);
    expect(body).toEqual({
      id: expect.any(Number),
      app: 'shop',
      pipeline: stages.pipeline,
      from: { namespace: test, version },
      to: { namespace: beta, version: 1 },
      artifact: { name: 'shop', version: '1.0.0', sha256: null },
      entry: null,
      approval: null,
      freezeOverride: null,
      missing: [],
      by: 'admin',
      at: expect.any(String),
    });
    const made = (await api.http.get(headers.location!).expect(200)).body;
    expect(made).toMatchObject({
      namespace: beta,
      version: 1,
      artifact: { name: 'shop', version: '1.0.0' },
      config,
      labels: { ticket: 'SHOP-17' },
      promotedFrom: { namespace: test, app: 'shop', version },
      rejection: null,
    });
    const again = await stages.promote(0, version).expect(409);
    expect(again.body).toMatchObject({ code: 'already_promoted', existing: { namespace: beta, app: 'shop', version: 1 } });

    await stages.promote(1, 1, { config: { currency: 'USD' }, labels: {} }).expect(201);
    const last = (await api.http.get(`${stages.path(2)}/versions/1`).expect(200)).body;
    expect(last).toMatchObject({ config: { currency: 'USD' }, labels: {}, promotedFrom: { namespace: beta, version: 1 } });
    expect((await stages.promote(2, 1).expect(409)).body.code).toBe('last_stage');

    const listed = (await api.http.get(`${stages.path(1)}/promotions`).expect(200)).body.items;
    expect(listed).toMatchObject([{ to: { namespace: production } }, { to: { namespace: beta } }]);
    const audit = (await api.http.get(`/v1/namespaces/${beta}/audit?limit=2`).expect(200)).body.items;
    expect(audit.map(({ action, subject }: Record<string, string>) => [action, subject])).toEqual([
      ['version_promoted', 'shop/1'],
      ['version_promoted', 'shop/1'],
    ]);
  });

  it('shares the bundle: no byte is copied, and it goes with the last artifact that has it', async () => {
    const stages = await TestStages.of(api);
    const version = await stages.newVersion();
    const artifact = 'artifacts/shop/versions/1.0.0';
    const bundle = await bundleOf({ 'cart.mjs': 'cart' });
    const before = await chunks();
    const put = await api.http
      .put(`${stages.path(0, artifact)}/bundle`)
      .set('Content-Type', 'application/gzip')
      .send(bundle)
      .expect(201);
    const { body } = await stages.promote(0, version).expect(201);
    expect(body.artifact.sha256).toBe(put.body.bundle.sha256);
    expect(await chunks()).toBe(before! + 1);

    await api.http.delete(`${stages.path(0)}/versions/${version}`).expect(204);
    await api.http.delete(stages.path(0, artifact)).expect(204);
    const headers = { Authorization: `Bearer ${TEST_TOKEN}` };
    const read = await fetch(`${api.url}${stages.path(1, artifact)}/bundle`, { headers });
    expect(Buffer.from(await read.arrayBuffer())).toEqual(bundle);
    await api.http.delete(`${stages.path(1)}/versions/1`).expect(204);
    await api.http.delete(stages.path(1, artifact)).expect(204);
    expect(await chunks()).toBe(before);
  });

  it('409 artifact_differs when the next namespace has another artifact of this name and version', async () => {
    const stages = await TestStages.of(api);
    const version = await stages.newVersion();
    const other = stages.path(1, 'artifacts/shop/versions/1.0.0');
    await api.http
      .put(other)
      .send({ programs: [{ name: 'cart', type: 'service', instances: 2 }] })
      .expect(201);
    expect((await stages.promote(0, version).expect(409)).body.code).toBe('artifact_differs');
    await api.http.delete(other).expect(204);
    await api.http
      .put(other)
      .send({ description: 'the same', programs: [{ name: 'cart', type: 'service' }] })
      .expect(201);
    await stages.promote(0, version).expect(201);
  });

  it('goes again when what came of it was deleted', async () => {
    const stages = await TestStages.of(api);
    const version = await stages.newVersion();
    await stages.promote(0, version).expect(201);
    await api.http.delete(`${stages.path(1)}/versions/1`).expect(204);
    expect((await stages.promote(0, version).expect(201)).body.to.version).toBe(2);
  });

  it('of several at once only one is made', async () => {
    const stages = await TestStages.of(api);
    const version = await stages.newVersion();
    const answers = await Promise.all(Array.from({ length: 5 }, () => stages.promote(0, version)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
    expect((await api.http.get(`${stages.path(1)}/versions`).expect(200)).body.items).toHaveLength(1);
  });

  it.each([
    ['an unknown version', { version: 9 }, 404, 'version_not_found'],
    ['an unknown pipeline', { pipeline: 'none' }, 422, 'unknown_pipeline'],
    ['no number', { version: 'latest' }, 400, 'validation_failed'],
    ['an unknown field', { force: true }, 400, 'validation_failed'],
    ['an approval that is no object', { approval: true }, 400, 'validation_failed'],
  ])('%s', async (_, patch, status, code) => {
    const stages = await TestStages.of(api);
    const version = await stages.newVersion();
    expect((await stages.promote(0, version, patch).expect(status)).body.code).toBe(code);
  });

  it('the default pipeline says which of its namespaces there are not yet, and that others are not in it', async () => {
    const stages = await TestStages.of(api);
    const version = await stages.newVersion();
    expect((await stages.promote(0, version, { pipeline: 'default' }).expect(422)).body.code).toBe('namespace_not_in_pipeline');
    await api.http.put('/v1/namespaces/test').send({ environment: 'test' }).expect(201);
    await api.http
      .put('/v1/namespaces/test/artifacts/shop/versions/1.0.0')
      .send({ programs: [{ name: 'cart', type: 'service' }] })
      .expect(201);
    await api.http
      .post('/v1/namespaces/test/apps/shop/versions')
      .send({ artifact: { name: 'shop', version: '1.0.0' } })
      .expect(201);
    const { body } = await api.http.post('/v1/namespaces/test/apps/shop/promotions').send({ version: 1 }).expect(422);
    expect(body).toMatchObject({ code: 'unknown_namespace', missingNamespaces: ['beta', 'production'] });
  });
});

describe('the criteria of a stage', () => {
  const criteria = { metrics: { maxErrorRate: 0.05, minRequests: 100, maxLatencyMs: { p99: 50 } }, checks: ['review', 'load'] };

  it('409 criteria_not_met says all that is missing, and changes nothing; a dry run says it with 200; met, it goes', async () => {
    const stages = await TestStages.of(api, [{ minSoak: '1h', criteria }, { requiresApproval: true }]);
    const version = await stages.newVersion();
    await stages.run(0, version);
    const before = await dump(api.databaseUrl);
    const refused = (await stages.promote(0, version).expect(409)).body;
    expect(refused).toMatchObject({
      code: 'criteria_not_met',
      missing: [
        { criterion: 'minSoak', wanted: '1h', actual: expect.stringMatching(/^\d+s$/) },
        { criterion: 'metrics.maxErrorRate', wanted: 0.05, actual: null },
        { criterion: 'metrics.minRequests', wanted: 100, actual: 0 },
        { criterion: 'metrics.maxLatencyMs.p99', wanted: 50, actual: null },
        { criterion: 'checks.review', wanted: 'passed', actual: null },
        { criterion: 'checks.load', wanted: 'passed', actual: null },
        { criterion: 'approval', wanted: true, actual: false },
      ],
    });
    const dry = await stages.promote(0, version, { approval: {} }, '?dryRun=true').expect(200);
    const criterionOf = ({ criterion }: { criterion: string }) => criterion;
    expect(dry.body.missing.map(criterionOf)).toEqual(refused.missing.slice(0, -1).map(criterionOf));
    expect(dry.body).toMatchObject({ id: null, to: { namespace: stages.namespaces[1], version: null } });
    expect(await dump(api.databaseUrl)).toEqual(before);

    const source = new FakeSource('source');
    const place = { ...placeOf('shop', version), namespace: stages.namespaces[0] };
    for (let request = 0; request < 96; request++) source.count(place, OK);
    for (let request = 0; request < 4; request++) source.count(place, FAILED);
    bus.storeFrame(source.frame());
    await stages.validate(0, version, 'review', 'passed').expect(201);
    await stages.validate(0, version, 'load', 'passed').expect(201);
    await withDatabase(api.databaseUrl, (client) =>
      client.query("UPDATE runs SET started_at = now() - interval '61 minutes' WHERE namespace = $1", [stages.namespaces[0]]),
    );
    await eventually(async () => {
      const { body } = await stages.promote(0, version, {}, '?dryRun=true').expect(200);
      expect(body.missing).toEqual([{ criterion: 'approval', wanted: true, actual: false }]);
    });
    const { body } = await stages.promote(0, version, { approval: { by: 'boss', comment: 'seen' } }).expect(201);
    expect(body).toMatchObject({ approval: { by: 'boss', comment: 'seen' }, by: 'admin', missing: [] });
  });

  it('a version that was stopped soaks no more; the time that it ran counts', async () => {
    const stages = await TestStages.of(api, [{ minSoak: '1h' }, {}]);
    const version = await stages.newVersion();
    await stages.run(0, version);
    await api.http
      .post(`${stages.path(0)}/versions/${version}/stop`)
      .send({ drainSeconds: 0 })
      .expect(202);
    const [namespace] = stages.namespaces;
    const setRun = (minutes: number) =>
      withDatabase(api.databaseUrl, (client) =>
        client.query(`UPDATE runs SET started_at = stopping_at - make_interval(mins => $2) WHERE namespace = $1`, [namespace, minutes]),
      );
    await setRun(59);
    expect((await stages.promote(0, version).expect(409)).body.missing).toMatchObject([{ criterion: 'minSoak', actual: '3540s' }]);
    await setRun(60);
    await stages.promote(0, version).expect(201);
  });

  it('a validation that failed sends the whole line back to development, for good; a new version may go', async () => {
    const stages = await TestStages.of(api, [{ criteria: { checks: ['load'] } }, {}, {}]);
    const version = await stages.newVersion();
    await stages.validate(0, version, 'load', 'passed').expect(201);
    await stages.promote(0, version).expect(201);
    await stages.validate(1, 1, 'data', 'failed').expect(201);
    await stages.validate(1, 1, 'data', 'passed').expect(201);
    const refused = (await stages.promote(1, 1).expect(409)).body;
    expect(refused).toMatchObject({
      code: 'version_in_development',
      missing: [{ criterion: 'rejection', actual: expect.stringContaining('data') }],
    });
    expect((await stages.promote(1, 1, {}, '?dryRun=true').expect(200)).body.missing).toEqual(refused.missing);
    const rejection = { check: 'data', namespace: stages.namespaces[1], version: 1, by: 'admin', at: expect.any(String) };
    expect((await api.http.get(`${stages.path(1)}/versions/1`)).body.rejection).toEqual(rejection);
    // It is the same build: neither does it begin anew from where it came.
    expect((await api.http.get(`${stages.path(0)}/versions/${version}`)).body.rejection).toEqual(rejection);
    await api.http.delete(`${stages.path(1)}/versions/1`).expect(204);
    expect((await stages.promote(0, version).expect(409)).body.code).toBe('version_in_development');

    const next = await stages.newVersion('1.0.1');
    expect((await stages.promote(0, next).expect(409)).body.missing).toEqual([
      { criterion: 'checks.load', wanted: 'passed', actual: null },
    ]);
    await stages.validate(0, next, 'load', 'passed').expect(201);
    await stages.promote(0, next).expect(201);
  });

  it('a check that fails while its version is promoted either comes first or finds what was made', async () => {
    const stages = await TestStages.of(api);
    for (let round = 0; round < 5; round++) {
      const version = await stages.newVersion();
      const [promoted] = await Promise.all([stages.promote(0, version), stages.validate(0, version, 'load', 'failed').expect(201)]);
      if (promoted.status === 409) expect(promoted.body.code).toBe('version_in_development');
      else expect((await api.http.get(`${stages.path(1)}/versions/${promoted.body.to.version}`)).body.rejection).not.toBeNull();
    }
  });

  it('a freeze of the next namespace holds it up: 409 frozen, unless it is overridden', async () => {
    const stages = await TestStages.of(api);
    const version = await stages.newVersion();
    const window = {
      from: new Date(Date.now() - HOUR_MS).toISOString(),
      to: new Date(Date.now() + HOUR_MS).toISOString(),
      reason: 'audit',
    };
    await api.http.put(stages.path(1, 'freezes/audit')).send(window).expect(201);
    expect((await stages.promote(0, version).expect(409)).body.code).toBe('frozen');
    const { body } = await stages.promote(0, version).set('X-Freeze-Override', 'leaks memory').expect(201);
    expect(body.freezeOverride).toBe('leaks memory');
  });
});
