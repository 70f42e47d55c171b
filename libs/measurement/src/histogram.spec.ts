import fc from 'fast-check';
import {
  addHistograms,
  BUCKETS,
  bucketOf,
  Histogram,
  middleOf,
  quantile,
  type SparseHistogram,
  subtractHistograms,
  totalOf,
} from './histogram.js';

const MAX_US = 2 ** 32 - 1;
/** Durations of every magnitude, not mostly of the largest. */
const duration = fc.integer({ min: 0, max: 32 }).chain((bits) => fc.integer({ min: 0, max: Math.min(2 ** bits, MAX_US) }));
const durations = fc.array(duration, { minLength: 1, maxLength: 300 });

function histogramOf(values: readonly number[]): SparseHistogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram.read();
}

function exactQuantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!;
}

describe('Histogram', () => {
  it('issue 4: percentiles are within 2 % of the exact ones', () => {
    fc.assert(
      fc.property(durations, fc.constantFrom(0, 0.01, 0.5, 0.9, 0.99, 0.999, 1), (values, q) => {
        const exact = exactQuantile(values, q);
        const estimate = quantile(histogramOf(values), q)!;
        return Math.abs(estimate - exact) <= 0.02 * exact;
      }),
      { numRuns: 2_000 },
    );
  });

  it('issue 4: percentiles of merged histograms are those of all values', () => {
    fc.assert(
      fc.property(durations, durations, (a, b) => {
        expect(addHistograms(histogramOf(a), histogramOf(b))).toEqual(histogramOf([...a, ...b]));
      }),
    );
  });

  it('what is subtracted is what was added', () => {
    fc.assert(
      fc.property(durations, durations, (a, b) => {
        const sum = addHistograms(histogramOf(a), histogramOf(b));
        expect(subtractHistograms(sum, histogramOf(a))).toEqual(histogramOf(b));
        expect(totalOf(sum)).toBe(a.length + b.length);
      }),
    );
  });

  it('what went down cannot be subtracted', () => {
    expect(subtractHistograms(histogramOf([5]), histogramOf([5, 5]))).toBeNull();
    expect(subtractHistograms(histogramOf([5]), histogramOf([6]))).toBeNull();
  });

  it('invariant 9: buckets are bounded, and each holds its own value', () => {
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) expect(bucketOf(Math.floor(middleOf(bucket)))).toBe(bucket);
    expect(histogramOf([MAX_US, MAX_US + 1, 1e15, Number.POSITIVE_INFINITY]).counts).toEqual([BUCKETS - 1, 4]);
  });

  it('without values there is no percentile', () => {
    expect(quantile(histogramOf([]), 0.5)).toBeNull();
  });
});
