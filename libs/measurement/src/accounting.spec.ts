import fc from 'fast-check';
import { account, type Baseline, bucketsFor, floorTo, oldestKept, rollUpUntil } from './accounting.js';
import { addMeasures, type Measures, noMeasures, requestsOf } from './measures.js';
import { type Ended, Meter } from './meter.js';

const NOW = Date.UTC(2026, 0, 1, 12, 0, 0);
const OK: Ended = { status: 200, proxyError: null, cut: false, bytesIn: 1, bytesOut: 10, latencyMs: 2, upstreamMs: 1 };

describe('account', () => {
  /** Cumulative values after 1, 3, 6, 10, … requests. */
  function frames(count: number): Measures[] {
    const meter = new Meter();
    return Array.from({ length: count }, (_, index) => {
      for (let request = 0; request <= index; request += 1) meter.end(OK);
      return meter.read();
    });
  }

  it('issue 4: however frames are dropped, doubled and late, what is counted is the last that came', () => {
    const sent = frames(20);
    const arrivals = fc.array(fc.nat(19), { maxLength: 100 });
    fc.assert(
      fc.property(arrivals, (order) => {
        let baseline: Baseline | null = null;
        let counted = noMeasures();
        for (const index of order) {
          const delta = account(baseline, index + 1, sent[index]!);
          if (delta === null) continue;
          counted = addMeasures(counted, delta);
          baseline = { sequence: index + 1, measures: sent[index]! };
        }
        expect(counted).toEqual(order.length === 0 ? noMeasures() : sent[Math.max(...order)]);
      }),
    );
  });

  it('a series that began anew counts from nothing', () => {
    const [first, second] = frames(2) as [Measures, Measures];
    expect(requestsOf(account({ sequence: 7, measures: second }, 8, first)!)).toBe(1);
  });
});

describe('bucketsFor', () => {
  const rolledUp = { 60: NOW - 120_000, 3600: NOW - 3_600_000 };
  const ago = (seconds: number) => NOW - seconds * 1_000;

  it.each<[why: string, atMs: number, resolutions: number[]]>([
    ['now', NOW, [10]],
    ['in the future, by a clock that is wrong', ago(-5), [10]],
    ['not rolled up yet', ago(120), [10]],
    ['late: its minute was made already', ago(121), [10, 60]],
    ['very late: its ten seconds are kept no more', ago(3_611), [60, 3_600]],
    ['of another day', ago(2 * 86_400), [3_600]],
    ['older than all that is kept', ago(91 * 86_400), []],
  ])('%s', (_why, atMs, resolutions) => {
    const buckets = bucketsFor(atMs, NOW, rolledUp);
    expect(buckets.map(({ resolution }) => resolution)).toEqual(resolutions);
    for (const bucket of buckets) expect(bucket.atMs).toBe(floorTo(atMs, bucket.resolution));
  });

  it('a minute is made a minute after its end, and never twice', () => {
    expect(rollUpUntil(NOW + 59_999, 60)).toBe(NOW - 60_000);
    expect(rollUpUntil(NOW + 60_000, 60)).toBe(NOW);
    expect(oldestKept(NOW, 10)).toBe(NOW - 3_600_000);
  });
});
