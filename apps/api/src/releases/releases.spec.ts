import { FAILED, FakeSource, OK, placeOf } from '../measurements/testing/frames.js';
import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { eventually } from '../testing/eventually.js';
import { FakePublisherBus } from '../testing/fake-publisher-bus.js';
import { TestApps } from '../testing/test-apps.js';

const LIMITS = { observe: '1s', stability: { maxErrorRate: 0.2 }, availability: { min: 0.8 }, minRequests: 5 };
/** Seconds on a machine that has nothing else to do. */
const SETTLE_MS = 90_000;
const TWO_STAGES = {
  stages: [
    { name: 'few', weight: 10, ...LIMITS },
    { name: 'all', weight: 100, ...LIMITS },
  ],
};

describe('releases, from a call to its end', () => {
  const bus = new FakePublisherBus();
  let api: TestApi;
  let apps: TestApps;
  const source = new FakeSource('proxy');

  beforeAll(async () => {
    api = await createTestApi({ bus });
    apps = await TestApps.of(api);
  });
  afterAll(() => api.close());

  const nameOf = (app: string) => app.split('/').at(-1)!;
  const requests = (app: string, version: number, count: number, ended = OK) =>
    source.count(placeOf(nameOf(app), version), ...Array.from({ length: count }, () => ended));
  const get = async (path: string) => (await api.http.get(path).expect(200)).body;
  const start = async (app: string, body: object) => (await api.http.post(`${app}/releases`).send(body).expect(201)).body;
  const eventsOf = async (path: string): Promise<{ sequence: number; type: string }[]> => (await get(`${path}/events?limit=500`)).items;
  /** Traffic until the release is as wanted. */
  const under = (path: string, traffic: () => void, wanted: object) =>
    eventually(async () => {
      traffic();
      bus.storeFrame(source.frame());
      const release = await get(path);
      expect(release).toMatchObject(wanted);
      return release;
    }, SETTLE_MS);

  it('a good one goes through its stages and completes', async () => {
    const app = await apps.appWith('1/cart', '2/cart');
    const release = await start(app, { candidate: 2, plan: TWO_STAGES });
    expect(release).toMatchObject({
      status: 'pending',
      candidate: 2,
      baseline: 1,
      weight: 0,
      stage: { index: 0, name: 'few', weight: 10 },
    });
    const path = `${app}/releases/${release.id}`;
    const good = () => {
      requests(app, 1, 20);
      requests(app, 2, 20);
    };
    const ended = await under(path, good, { status: 'completed', weight: 100, actions: [] });
    expect(ended.verdicts).toMatchObject({ stability: { verdict: 'pass' }, availability: { verdict: 'pass' } });
    // A busy machine may count too little in a second: the stage is extended then.
    const types = (await eventsOf(path)).map(({ type }) => type).filter((type) => type !== 'extended');
    expect(types).toEqual([
      'started',
      'weight_set',
      'observation_started',
      'stage_passed',
      'stage_entered',
      'weight_set',
      'observation_started',
      'stage_passed',
      'promoting',
      ...types.slice(9, -1),
      'completed',
    ]);
    const sequences = (await eventsOf(path)).map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.map((_, index) => index + 1));
    const { items } = await get(`${app}/distribution/history`);
    expect(items.map(({ weights, source: from }: { weights: object; source: string }) => [weights, from])).toEqual([
      [{ 2: 100 }, 'release'],
      [{ 1: 90, 2: 10 }, 'release'],
      [{ 1: 100 }, 'first_version'],
    ]);
  }, 180_000);

  it('a bad one is rolled back and stopped', async () => {
    const app = await apps.appWith('1/cart', '2/cart');
    const release = await start(app, { candidate: 2, plan: TWO_STAGES });
    const path = `${app}/releases/${release.id}`;
    const bad = () => {
      requests(app, 1, 20);
      requests(app, 2, 20, FAILED);
    };
    const ended = await under(path, bad, { status: 'rolled_back', weight: 0 });
    expect(ended.zeroing).toMatchObject({ appliedAt: expect.any(String), confirmedAt: expect.any(String), tookMs: expect.any(Number) });
    expect((await get(`${app}/distribution`)).weights).toEqual({ 1: 100 });
    expect((await get(`${app}/versions/2/services/cart/runs`)).items[0].status).toBe('STOPPED');
  }, 180_000);
});
