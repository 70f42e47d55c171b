export interface Spread {
  min: number;
  median: number;
  max: number;
}

/** Of at least one value; of an even number, the median is the mean of the middle two. */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error('no values');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return { min: sorted[0]!, median: (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2, max: sorted.at(-1)! };
}

/**
 * Each value over the one of the same round. A noisy neighbour slows a whole round down: ratios within rounds stay true where those of
 * the medians may not.
 */
export function ratiosByRound(values: readonly number[], base: readonly number[]): Spread {
  if (values.length !== base.length) throw new Error(`${values.length} rounds against ${base.length}`);
  return spread(values.map((value, round) => value / base[round]!));
}

/** The order of one round: each time another one begins, so that none always follows the same one. */
export function orderOfRound<T>(all: readonly T[], round: number): T[] {
  const first = all.length === 0 ? 0 : round % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

/** The smallest value that at least `share` (0 to 1) of `sorted` do not exceed. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) throw new Error('no values');
  const index = Math.ceil(share * sorted.length) - 1;
  return sorted[Math.min(Math.max(index, 0), sorted.length - 1)]!;
}
