import { seededRandom } from '../testing/seeded-random.js';
import { makeStage } from '../testing/stages.js';
import { type Behaviour, simulateErrors, simulateStage } from './simulate-stage.js';

describe('errors, judged after every request of a stage of a hundred times the requests that resolve the threshold', () => {
  const RUNS = 400;
  const caught = (rate: number, threshold: number) => {
    const random = seededRandom(1);
    return Array.from({ length: RUNS }, () => simulateErrors(rate, threshold, 100 / threshold, random)).filter((found) => found !== null);
  };

  it.each([0.0001, 0.00005, 0.00001])('threshold %p: half of it is never found over in 400 runs, ten times of it always', (threshold) => {
    expect(caught(threshold / 2, threshold)).toEqual([]);
    expect(caught(threshold * 10, threshold)).toHaveLength(RUNS);
  });

  it('keeps to its share of the false alarms also for a candidate that is exactly at the threshold', () => {
    expect(caught(0.0001, 0.0001).length).toBeLessThanOrEqual(RUNS * 0.01);
  });

  it('finds ten times the threshold before twice the requests that resolve it', () => {
    const requests = caught(0.001, 0.0001).map(({ request }) => request);
    expect(requests.sort((one, other) => one - other)[RUNS / 2]).toBeLessThan(20_000);
  });
});

describe('all dimensions together, judged every 100 requests', () => {
  const RUNS = 200;
  const STAGE = makeStage({
    weightBp: 5_000,
    stability: { maxErrorRate: 0.02, maxLatencyMs: { p50: 15, p99: 30 }, maxLatencyRatio: 1.5 },
    availability: { min: 0.98 },
  });
  const BASELINE: Behaviour = { error: 0.005, left: 0.005, slow: 0.25, slowest: 0.005 };
  const HALF: Behaviour = { error: 0.01, left: 0, slow: 0.25, slowest: 0.005 };

  const caught = (candidate: Behaviour, baseline: Behaviour, runs: number) => {
    const random = seededRandom(2);
    const length = { requests: 5_000, every: 100, window: 500 };
    return Array.from({ length: runs }, () => simulateStage(STAGE, { candidate, baseline }, length, random)).filter(
      (found) => found !== null,
    );
  };

  it('a candidate at half of every threshold is found over in at most 1 % of the runs', () => {
    expect(caught(HALF, BASELINE, RUNS).length).toBeLessThanOrEqual(RUNS / 100);
  });

  it.each<[string, Behaviour]>([
    ['errors', { ...HALF, error: 0.2 }],
    ['clients that leave', { ...HALF, left: 0.2 }],
    ['its slowest requests', { ...HALF, slow: 0.3, slowest: 0.1 }],
    ['most of its requests slow', { ...HALF, slow: 0.95 }],
  ])('finds %s every time', (_, candidate) => {
    expect(caught(candidate, BASELINE, 25)).toHaveLength(25);
  });
});
