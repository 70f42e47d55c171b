/** The two-sided 99.9 % quantile of the standard normal distribution: Φ⁻¹(1 − 0.001/2). */
const Z_999 = 3.2905;
/** The same of 99.99 %, for where many shares are judged. */
export const Z_9999 = 3.8906;

/**
 * Half the width of the 99.9 % interval for the number of hits in `n` independent draws with probability `p`
 * (normal approximation of the binomial distribution with continuity correction): z·√(n·p·(1−p)) + ½.
 * For p = 0 and p = 1 the interval is the one possible count, so the bound is 0.
 */
export function binomialBound(n: number, p: number, z = Z_999): number {
  if (!Number.isInteger(n) || n < 0 || !(p >= 0 && p <= 1)) throw new RangeError(`binomialBound(${n}, ${p})`);
  return p === 0 || p === 1 ? 0 : z * Math.sqrt(n * p * (1 - p)) + 0.5;
}

/** Is `hits` of `n` what a share of `p` explains, at 99.9 %? Holds for n·p and n·(1−p) ≥ 10 or p in {0, 1}. */
export function withinBinomialBound(hits: number, n: number, p: number, z = Z_999): boolean {
  return Math.abs(hits - n * p) <= binomialBound(n, p, z);
}
