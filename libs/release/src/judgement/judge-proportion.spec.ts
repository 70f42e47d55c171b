import fc from 'fast-check';
import { judgeProportion, type Trials, type Verdict } from './judge-proportion.js';
import { confidenceInterval, mixtureFor } from './proportion.js';

const OPTIONS = { threshold: 0.001, alpha: 0.005, minRequests: 'auto', severeFactor: 10 } as const;
const HEALTHY: Trials = { requests: 1_000_000, failures: 0 };

describe('judgeProportion, threshold 0.1 %', () => {
  it.each<[string, Trials, Trials, Verdict, boolean]>([
    ['no requests', { requests: 0, failures: 0 }, HEALTHY, 'not_enough_data', false],
    ['too few requests, none failed', { requests: 999, failures: 0 }, HEALTHY, 'not_enough_data', false],
    ['too few requests, one failed', { requests: 999, failures: 1 }, HEALTHY, 'not_enough_data', false],
    ['enough requests', { requests: 1000, failures: 0 }, HEALTHY, 'pass', false],
    ['exactly at the threshold', { requests: 1000, failures: 1 }, HEALTHY, 'pass', false],
    ['the estimate is over, the evidence is not', { requests: 1000, failures: 2 }, HEALTHY, 'minor', false],
    ['the evidence is over', { requests: 100_000, failures: 300 }, HEALTHY, 'moderate', false],
    ['ten times the threshold', { requests: 10_000, failures: 100 }, HEALTHY, 'severe', false],
    ['nothing answers, long before the minimum', { requests: 10, failures: 10 }, HEALTHY, 'severe', false],
    ['both fail alike', { requests: 500, failures: 250 }, { requests: 5000, failures: 2500 }, 'severe', true],
    [
      'both fail, the candidate a little more',
      { requests: 500_000, failures: 255_000 },
      { requests: 5_000_000, failures: 2_500_000 },
      'severe',
      true,
    ],
    [
      'both fail, the candidate half as much again',
      { requests: 5000, failures: 3750 },
      { requests: 50_000, failures: 25_000 },
      'severe',
      false,
    ],
    ['both fail, the candidate far more', { requests: 500, failures: 490 }, { requests: 5000, failures: 500 }, 'severe', false],
  ])('%s', (_, candidate, baseline, verdict, shared) => {
    expect(judgeProportion(candidate, baseline, OPTIONS)).toMatchObject({ verdict, shared });
  });

  it('takes the minimum that the plan says', () => {
    expect(judgeProportion({ requests: 50, failures: 0 }, HEALTHY, { ...OPTIONS, minRequests: 50 }).verdict).toBe('pass');
    expect(judgeProportion({ requests: 5000, failures: 0 }, HEALTHY, { ...OPTIONS, minRequests: 5001 }).verdict).toBe('not_enough_data');
  });
});

describe('confidenceInterval', () => {
  // By hand: B(a + hits, b + misses) / B(a, b) / (p^hits (1 - p)^misses) = 1 / alpha, at alpha 0.05.
  it.each<[number, number, number, number, { lower: number; upper: number }]>([
    [1, 1, 0.5, 0.5, { lower: 0.05 / 2, upper: 1 }],
    [0, 1, 0.5, 0.5, { lower: 0, upper: 1 - 0.05 / 2 }],
    [1, 2, 0.5, 0.5, { lower: 0.5 - Math.sqrt(0.25 - 0.05 / 8), upper: 0.5 + Math.sqrt(0.25 - 0.05 / 8) }],
    [1, 1, 0.5, 5, { lower: 0.05 / 11, upper: 1 }],
    [0, 1, 0.5, 5, { lower: 0, upper: 1 - (0.05 * 10) / 11 }],
    [2, 2, 0.5, 5, { lower: Math.sqrt((0.05 / 11) * (1.5 / 6.5)), upper: 1 }],
  ])('%p of %p with Beta(%p, %p)', (hits, trials, a, b, { lower, upper }) => {
    const found = confidenceInterval(hits, trials, 0.05, { a, b });
    expect(found.lower).toBeCloseTo(lower, 9);
    expect(found.upper).toBeCloseTo(upper, 9);
  });

  it('holds the estimate, and narrows as alpha grows', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.nat(1_000_000), (one, other) => {
        const [hits, trials] = [Math.min(one, other), Math.max(one, other, 1)];
        const strict = confidenceInterval(hits, trials, 0.001, mixtureFor(0.001));
        const loose = confidenceInterval(hits, trials, 0.1, mixtureFor(0.001));
        const ends = [0, strict.lower, loose.lower, hits / trials, loose.upper, strict.upper, 1];
        for (let index = 1; index < ends.length; index += 1) expect(ends[index]! - ends[index - 1]!).toBeGreaterThanOrEqual(-1e-9);
      }),
    );
  });
});
