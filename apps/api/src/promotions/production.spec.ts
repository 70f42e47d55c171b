import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { eventually } from '../testing/eventually.js';
import { dump } from '../testing/test-apps.js';
import { TestStages } from '../testing/test-stages.js';

const HOUR_MS = 3_600_000;
const LIMITS = { observe: '1s', stability: { maxErrorRate: 0.2 }, availability: { min: 0.8 }, minRequests: 5 };
const PLAN = {
  stages: [
    { name: 'few', weight: 10, ...LIMITS },
    { name: 'all', weight: 100, ...LIMITS },
  ],
};

let api: TestApi;
let stages: TestStages;
beforeAll(async () => {
  api = await createTestApi();
}, 60_000);
afterAll(() => api.close(), 60_000);
beforeEach(async () => {
  stages = await TestStages.of(api, [{}, {}, { plan: 'quick' }]);
  await stages.makeProduction();
  await api.http.put(stages.path(2, 'release-plans/quick')).send(PLAN).expect(201);
});

const get = async (path: string) => (await api.http.get(path).expect(200)).body;
const weights = async () => (await get(`${stages.path(2)}/distribution`)).weights;
const freeze = (name: string) => {
  const [from, to] = [Date.now() - HOUR_MS, Date.now() + HOUR_MS].map((ms) => new Date(ms).toISOString());
  return api.http
    .put(stages.path(2, `freezes/${name}`))
    .send({ from, to, reason: 'sales' })
    .expect(201);
};
/** What a promotion writes, and no engine of a release of another test. */
const WRITTEN = ['app_versions', 'promotions', 'artifact_versions', 'app_version_counters', 'runs'];
type Dump = Awaited<ReturnType<typeof dump>>;
function expectSame(after: Dump, before: Dump): void {
  for (const table of WRITTEN) expect([table, after[table]]).toEqual([table, before[table] ?? 'no such table']);
  const count = ({ releases }: Dump) => (releases as unknown[]).length;
  expect(count(after)).toBe(count(before));
}
/** The first version in production, which runs and has all traffic. */
async function firstVersion(): Promise<void> {
  expect(await stages.promoteThrough('1.0.0').then(({ status, body }) => [status, body.entry])).toEqual([
    201,
    { type: 'start', releaseId: null },
  ]);
  await stages.run(2, 1);
}

describe('a promotion into production', () => {
  it('of the first version just starts it, with 100 %; of a later one begins a release by the plan of the stage, which waits for its instances', async () => {
    await firstVersion();
    expect(await weights()).toEqual({ 1: 100 });
    const { status, body } = await stages.promoteThrough('2.0.0');
    expect([status, body.entry]).toEqual([201, { type: 'release', releaseId: expect.any(String) }]);
    const path = `${stages.path(2)}/releases/${body.entry.releaseId}`;
    expect(await get(path)).toMatchObject({ candidate: 2, baseline: 1, plan: { name: 'quick' }, reason: 'promotion', weight: 0 });
    await stages.run(2, 2);
    await eventually(async () => expect(await weights()).toMatchObject({ 1: 90, 2: 10 }));
    const [listed] = (await get(`${stages.path(2)}/promotions`)).items;
    expect(listed.entry).toEqual(body.entry);
  }, 60_000);

  it('is refused as a whole when no release can begin: one is active, or there is no such plan', async () => {
    await firstVersion();
    expect((await stages.promoteThrough('2.0.0')).status).toBe(201);
    await stages.run(2, 2);
    const third = await stages.newVersion('3.0.0');
    const { version } = (await stages.promote(0, third).expect(201)).body.to;
    const before = await dump(api.databaseUrl);
    for (const query of ['', '?dryRun=true'])
      expect((await stages.promote(1, version, {}, query).expect(409)).body.code).toBe('release_active');
    await stages.putPipeline([{}, {}, { plan: 'none' }]);
    for (const query of ['', '?dryRun=true'])
      expect((await stages.promote(1, version, {}, query).expect(422)).body.code).toBe('unknown_plan');
    expectSame(await dump(api.databaseUrl), before);
  }, 60_000);

  it('of which is only a dry run says how it would come in, and changes nothing', async () => {
    const artifacts = { start: '1.0.0', release: '2.0.0' };
    for (const [type, artifact] of Object.entries(artifacts)) {
      const version = await stages.newVersion(artifact);
      const { version: beta } = (await stages.promote(0, version).expect(201)).body.to;
      const before = await dump(api.databaseUrl);
      const { body } = await stages.promote(1, beta, {}, '?dryRun=true').expect(200);
      expect(body).toMatchObject({ id: null, to: { version: null }, entry: { type, releaseId: null }, missing: [] });
      expectSame(await dump(api.databaseUrl), before);
      expect((await stages.promote(1, beta).expect(201)).body).toMatchObject({ entry: { type }, artifact: body.artifact });
      await stages.run(2, type === 'start' ? 1 : 2);
    }
  }, 60_000);

  it('of a version without services only makes it', async () => {
    const artifact = stages.path(0, 'artifacts/shop/versions/9.0.0');
    await api.http
      .put(artifact)
      .send({ programs: [{ name: 'mailer', type: 'worker' }] })
      .expect(201);
    expect((await stages.promoteThrough('9.0.0')).body.entry).toBeNull();
  }, 60_000);

  it('is 409 frozen in a freeze; an override goes for the release too, and is in the audit of each', async () => {
    await firstVersion();
    const version = await stages.newVersion('2.0.0');
    await stages.promote(0, version).expect(201);
    await freeze('sales');
    expect((await stages.promote(1, 2).expect(409)).body.code).toBe('frozen');
    const { body } = await stages.promote(1, 2).set('X-Freeze-Override', 'leaks').expect(201);
    expect(await get(`${stages.path(2)}/releases/${body.entry.releaseId}`)).toMatchObject({ freezeOverride: 'leaks' });
    await stages.run(2, 2);
    await eventually(async () => expect(await weights()).toMatchObject({ 2: 10 }));
    const audit = (await get(stages.path(2, 'audit'))).items.filter(({ action }: { action: string }) => action === 'freeze_overridden');
    expect(audit.map(({ detail }: { detail: { change: string } }) => detail.change)).toEqual(['release', 'promotion']);
    await api.http.post(`${stages.path(2)}/releases/${body.entry.releaseId}/rollback`).expect(200);
  }, 60_000);
});

describe('a freeze and a release', () => {
  it('a release that is on its way gives its candidate no more traffic until it is over, or somebody overrides it; rollback always goes', async () => {
    await firstVersion();
    const { body } = await stages.promoteThrough('2.0.0');
    const path = `${stages.path(2)}/releases/${body.entry.releaseId}`;
    await freeze('sales');
    await stages.run(2, 2);
    await eventually(async () => expect((await get(path)).waitingFor).toContain('is frozen'));
    expect(await weights()).toEqual({ 1: 100, 2: 0 });
    await api.http.post(`${path}/pause`).expect(200);
    await api.http.post(`${path}/resume`).expect(200);
    await eventually(async () => expect((await get(path)).waitingFor).toContain('is frozen'));
    await api.http.post(`${path}/pause`).expect(200);
    await api.http.post(`${path}/resume`).set('X-Freeze-Override', 'leaks').expect(200);
    await eventually(async () => expect(await weights()).toMatchObject({ 2: 10 }));
    const [entry] = (await get(stages.path(2, 'audit'))).items;
    expect(entry).toMatchObject({ action: 'freeze_overridden', subject: 'shop/2', detail: { change: 'release', reason: 'leaks' } });
    await api.http.post(`${path}/rollback`).expect(200);
    await eventually(async () => expect(await weights()).toMatchObject({ 1: 100 }));
  }, 60_000);

  it('none begins while it is open', async () => {
    await firstVersion();
    await stages
      .promoteThrough('2.0.0')
      .then(({ body }) => api.http.post(`${stages.path(2)}/releases/${body.entry.releaseId}/abort`).expect(200));
    await stages.run(2, 2);
    await freeze('sales');
    const start = (query = '') => api.http.post(`${stages.path(2)}/releases${query}`).send({ candidate: 2, plan: 'quick' });
    expect((await start().expect(409)).body.code).toBe('frozen');
    expect((await start('?dryRun=true').expect(409)).body.code).toBe('frozen');
    await start().set('X-Freeze-Override', 'leaks').expect(201);
  }, 60_000);
});
