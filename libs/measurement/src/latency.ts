import { middleOf, quantile, type SparseHistogram, totalOf } from './histogram.js';

/** A histogram as durations in milliseconds. What falls into one bucket counts as one duration. */
export function latencyOf(histogram: SparseHistogram): {
  total: number;
  quantileMs(q: number): number | null;
  slowerThan(ms: number): number;
} {
  return {
    total: totalOf(histogram),
    quantileMs: (q) => {
      const us = quantile(histogram, q);
      return us === null ? null : us / 1_000;
    },
    slowerThan: (ms) => {
      const { counts } = histogram;
      let slower = 0;
      for (let i = 0; i < counts.length; i += 2) if (middleOf(counts[i]!) / 1_000 > ms) slower += counts[i + 1]!;
      return slower;
    },
  };
}
