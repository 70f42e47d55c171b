import type { Stage } from '../plan/plan.js';
import { latency, makeStage, measured } from '../testing/stages.js';
import type { Verdict } from './judge-proportion.js';
import { judgeStage } from './judge-stage.js';
import type { Measured } from './judge-window.js';
import { recentWindows } from './recent-windows.js';

const STAGE = makeStage();
const HEALTHY = measured(10_000);

describe('judgeStage: two dimensions', () => {
  it.each<[string, Measured, Measured, { stability: Verdict; availability: Verdict; verdict: Verdict; shared?: boolean }]>([
    [
      'nothing at all',
      measured(0),
      measured(0),
      { stability: 'not_enough_data', availability: 'not_enough_data', verdict: 'not_enough_data' },
    ],
    ['too little', measured(99), HEALTHY, { stability: 'not_enough_data', availability: 'not_enough_data', verdict: 'not_enough_data' }],
    ['enough', measured(100), HEALTHY, { stability: 'pass', availability: 'pass', verdict: 'pass' }],
    ['a little over', measured(100, 2), HEALTHY, { stability: 'minor', availability: 'minor', verdict: 'minor' }],
    ['over', measured(2_000, 60), HEALTHY, { stability: 'moderate', availability: 'moderate', verdict: 'moderate' }],
    ['far over', measured(200, 30), HEALTHY, { stability: 'severe', availability: 'severe', verdict: 'severe' }],
    ['nothing answers', measured(6, 6), HEALTHY, { stability: 'severe', availability: 'severe', verdict: 'severe' }],
    ['clients leave', measured(2_000, 0, { unserved: 60 }), HEALTHY, { stability: 'pass', availability: 'moderate', verdict: 'moderate' }],
    [
      'all clients leave: the candidate hangs',
      measured(20, 0, { unserved: 20 }),
      HEALTHY,
      { stability: 'not_enough_data', availability: 'severe', verdict: 'severe' },
    ],
    [
      'both fail',
      measured(200, 100),
      measured(2_000, 1_000),
      { stability: 'severe', availability: 'severe', verdict: 'severe', shared: true },
    ],
    [
      'both fail, the candidate more',
      measured(200, 190),
      measured(2_000, 100),
      { stability: 'severe', availability: 'severe', verdict: 'severe' },
    ],
    [
      'both fail, the clients of the candidate leave as well',
      measured(200, 20, { unserved: 200 }),
      measured(2_000, 200),
      { stability: 'severe', availability: 'severe', verdict: 'severe' },
    ],
  ])('%s', (_, candidate, baseline, { stability, availability, verdict, shared = false }) => {
    const judged = judgeStage(STAGE, { candidate, baseline }, []);
    expect(judged).toMatchObject({ stability: { verdict: stability }, availability: { verdict: availability }, verdict, shared });
    expect(judged.reason === null).toBe(verdict === 'pass');
    expect(JSON.parse(JSON.stringify(judged))).toEqual(judged);
  });

  it('tells the figures', () => {
    const { stability, availability, reason } = judgeStage(
      STAGE,
      {
        candidate: measured(2_000, 60, { unserved: 80 }),
        baseline: measured(1_000, 2, { unserved: 3 }),
      },
      [],
    );
    expect(stability).toMatchObject({ errorRate: 0.03, requests: 2_000, baselineErrorRate: 0.002 });
    expect(availability).toMatchObject({ availability: 0.96, requests: 2_000, baselineAvailability: 0.997 });
    for (const { lower, upper, value } of [
      { ...stability, value: 0.03 },
      { ...availability, value: 0.96 },
    ]) {
      expect(lower).toBeLessThan(value);
      expect(upper).toBeGreaterThan(value);
      expect(upper - lower).toBeLessThan(0.04);
    }
    expect(reason).toBe('moderate: 3 % of 2000 requests failed, at most 1 % may; 96 % of 2000 requests were served, at least 99 % must be');
  });

  it('names an outage of both', () => {
    const { reason } = judgeStage(STAGE, { candidate: measured(200, 100), baseline: measured(2_000, 1_000) }, []);
    expect(reason).toMatch(/the baseline fails as well/);
  });

  it('takes the factor and the minimum that the plan says', () => {
    const candidate = measured(2_000, 60);
    expect(judgeStage(makeStage({ severeFactor: 3 }), { candidate, baseline: HEALTHY }, []).verdict).toBe('severe');
    expect(judgeStage(makeStage({ minRequests: 101 }), { candidate: measured(100), baseline: HEALTHY }, []).verdict).toBe(
      'not_enough_data',
    );
    expect(judgeStage(makeStage({ minRequests: 5 }), { candidate: measured(5), baseline: HEALTHY }, []).verdict).toBe('pass');
  });
});

describe('judgeStage: what was measured last', () => {
  const GOOD_FOR_HOURS = { candidate: measured(1_000_000), baseline: measured(10_000_000) };
  const lately = (candidate: Measured, baseline = measured(1_000)) => [{ candidate, baseline, share: 1 / (480 * 481) }];

  it.each<[string, Measured, Verdict]>([
    ['good as ever', measured(1_000), 'pass'],
    ['a little over: no evidence', measured(1_000, 20), 'pass'],
    ['too few to say', measured(2, 1), 'pass'],
    ['over', measured(1_000, 60), 'moderate'],
    ['far over', measured(1_000, 120), 'severe'],
    ['it has stopped to answer', measured(12, 12), 'severe'],
    ['clients leave', measured(12, 0, { unserved: 12 }), 'severe'],
  ])('%s', (_, candidate, verdict) => {
    expect(judgeStage(STAGE, GOOD_FOR_HOURS, lately(candidate)).verdict).toBe(verdict);
  });

  it('are told, and an outage of both is one here as well', () => {
    const judged = judgeStage(STAGE, GOOD_FOR_HOURS, lately(measured(100, 90), measured(1_000, 900)));
    expect(judged).toMatchObject({
      verdict: 'severe',
      shared: true,
      stability: { verdict: 'severe', errorRate: 0 },
    });
    expect(judged.reason).toMatch(/^severe: lately 90 % of 100 requests failed.*the baseline fails as well/);
  });

  it('do not make a pass of too little, nor take an anomaly back', () => {
    expect(judgeStage(STAGE, { candidate: measured(50), baseline: HEALTHY }, lately(measured(50))).verdict).toBe('not_enough_data');
    expect(judgeStage(STAGE, { candidate: measured(2_000, 60), baseline: HEALTHY }, lately(measured(1_000))).verdict).toBe('moderate');
  });
});

describe('recentWindows', () => {
  it('begin at every step, and hold one step at least and two at most', () => {
    expect([0, 19_999].map((ms) => recentWindows(1_000, 1_000 + ms))).toEqual([[], []]);
    expect(recentWindows(1_000, 21_000)).toEqual([{ from: 11_000, share: 1 / 4 }]);
    for (let now = 241_000; now < 5_000_000; now += 7_777) {
      const [short, long] = recentWindows(1_000, now).map(({ from }) => now - from);
      expect([short! >= 10_000, short! < 20_000, long! >= 120_000, long! < 240_000]).toEqual([true, true, true, true]);
    }
  });

  it('share a probability that never adds up to more than all of it', () => {
    const shares = (stepMs: number) =>
      Array.from({ length: 100_000 }, (_, step) => recentWindows(0, (step + 2) * stepMs, [stepMs])[0]!.share);
    const sum = shares(10_000).reduce((total, share) => total + share, 0);
    expect(sum).toBeGreaterThan(0.9999);
    expect(sum).toBeLessThanOrEqual(1);
    expect(recentWindows(0, 1e9).map(({ share }) => share * 2)).toEqual(
      [10_000, 120_000].map((step) => recentWindows(0, 1e9, [step])[0]!.share),
    );
  });
});

describe('judgeStage: latency', () => {
  const limits = (stability: Partial<Stage['stability']>, changes: Partial<Stage> = {}) =>
    makeStage({ stability: { maxErrorRate: 0.01, ...stability }, ...changes });
  const of = (...counts: [ms: number, count: number][]): Measured => measured(10_000, 0, { latency: latency(counts) });
  const FAST = of([10, 9_900], [100, 100]);

  it.each<[string, Stage, Measured, Measured, Verdict, boolean?]>([
    ['p99 below', limits({ maxLatencyMs: { p99: 200 } }), FAST, FAST, 'pass'],
    ['p99 exactly at the limit', limits({ maxLatencyMs: { p99: 100 } }), of([10, 9_800], [100, 200]), FAST, 'pass'],
    ['p99 a little over', limits({ maxLatencyMs: { p99: 50 } }), of([10, 9_890], [100, 110]), FAST, 'minor'],
    ['p99 over', limits({ maxLatencyMs: { p99: 50 } }), of([10, 9_700], [100, 300]), FAST, 'moderate'],
    ['p99 far over', limits({ maxLatencyMs: { p99: 50 } }), of([10, 9_700], [501, 300]), FAST, 'severe'],
    ['p50 over', limits({ maxLatencyMs: { p50: 10 } }), of([10, 4_500], [11, 5_500]), FAST, 'moderate'],
    ['too few', limits({ maxLatencyMs: { p99: 50 } }), of([10, 99]), FAST, 'not_enough_data'],
    ['too few, but all far too slow', limits({ maxLatencyMs: { p50: 10 } }), of([200, 20]), FAST, 'severe'],
    ['nothing measured', limits({ maxLatencyMs: { p99: 50 } }), measured(10_000), FAST, 'not_enough_data'],
    ['both over', limits({ maxLatencyMs: { p99: 50 } }), of([10, 970], [100, 30]), of([10, 9_700], [100, 300]), 'moderate', true],
    ['as the baseline', limits({ maxLatencyRatio: 1.2 }), FAST, FAST, 'pass'],
    ['p99 a little over the baseline', limits({ maxLatencyRatio: 1.2 }), of([10, 9_890], [121, 110]), of([10, 9_850], [100, 150]), 'minor'],
    ['p50 over the baseline', limits({ maxLatencyRatio: 1.2 }), of([10, 3_000], [13, 7_000]), FAST, 'moderate'],
    ['p99 over the baseline', limits({ maxLatencyRatio: 1.2 }), of([10, 9_000], [130, 1_000]), FAST, 'moderate'],
    ['far over the baseline', limits({ maxLatencyRatio: 1.2 }), of([121, 10_000]), of([10, 10_000]), 'severe'],
    ['a baseline that is not known', limits({ maxLatencyRatio: 1.2 }), FAST, of([10, 100]), 'not_enough_data'],
    ['no baseline at all', limits({ maxLatencyRatio: 1.2 }), FAST, measured(0), 'not_enough_data'],
    ['no baseline, for all traffic is here', limits({ maxLatencyRatio: 1.2 }, { weightBp: 10_000 }), FAST, measured(0), 'pass'],
  ])('%s', (_, stage, candidate, baseline, verdict, shared = false) => {
    expect(judgeStage(stage, { candidate, baseline }, [])).toMatchObject({ stability: { verdict }, verdict, shared });
  });

  it('tells each limit and what it is held against', () => {
    const stage = limits({ maxLatencyMs: { p99: 50 }, maxLatencyRatio: 2 });
    const { stability, reason } = judgeStage(stage, { candidate: of([10, 9_700], [80, 300]), baseline: FAST }, []);
    expect(stability.latency).toMatchObject([
      { quantile: 'p99', against: 'limit', limitMs: 50, valueMs: 80, baselineMs: 10, slower: 0.03, requests: 10_000 },
      { quantile: 'p50', against: 'baseline', limitMs: 20, valueMs: 10, verdict: 'pass' },
      { quantile: 'p99', against: 'baseline', limitMs: 20, valueMs: 80 },
    ]);
    expect(reason).toMatch(/p99 is 80.0 ms of 10000 requests, the limit 50.0 ms/);
  });
});
