/** Kept apart: reading a global is slow in the contexts that tests run in. */
const { log, log1p, max, PI } = Math;

/**
 * Evidence about a proportion that may be looked at after every request, for as long as one likes, without raising the rate of false alarms.
 *
 * Mixture test martingale for Bernoulli trials: the likelihood averaged over Beta(a, b), divided by the likelihood at p. By Ville's
 * inequality it ever reaches 1/alpha with probability of at most alpha if p is true. The p for which it has not are a confidence sequence.
 * Sources: Robbins 1970 (method of mixtures); Howard, Ramdas, McAuliffe, Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic
 * confidence sequences", Annals of Statistics 49(2). Holds for independent requests; failures that come in clusters are weaker evidence than it says.
 */
interface Mixture {
  a: number;
  b: number;
}

export interface Interval {
  lower: number;
  upper: number;
}

/** Sharpest for proportions of some ten times the threshold. Chosen before any request is seen, without which the bound does not hold. */
export function mixtureFor(threshold: number): Mixture {
  return { a: 0.5, b: max(0.5, 0.5 / (10 * threshold)) };
}

/** Natural logarithm of the martingale against a proportion `p`, 0 < p < 1, after `hits` of `trials`. */
function logEvidence(hits: number, trials: number, { a, b }: Mixture): (p: number) => number {
  const misses = trials - hits;
  const ofMixture = logBeta(a + hits, b + misses) - logBeta(a, b);
  return (p) => ofMixture - hits * log(p) - misses * log1p(-p);
}

/** Whether `hits` of `trials` refute the proportion `p`, 0 < p < 1. Of a true `p` this ever happens with probability of at most `alpha`. */
export function refutes(hits: number, trials: number, p: number, alpha: number, mixture: Mixture): boolean {
  return logEvidence(hits, trials, mixture)(p) >= -log(alpha);
}

/** All proportions that are not refuted at `alpha`: holds at all times at once with probability of at least 1 - alpha. */
export function confidenceInterval(hits: number, trials: number, alpha: number, mixture: Mixture): Interval {
  if (trials === 0) return { lower: 0, upper: 1 };
  const against = logEvidence(hits, trials, mixture);
  const needed = -log(alpha);
  const refuted = (p: number) => against(p) >= needed;
  const estimate = hits / trials;
  return {
    lower: hits === 0 ? 0 : edge(0, estimate, refuted),
    upper: hits === trials ? 1 : edge(1, estimate, refuted),
  };
}

/** The evidence has one minimum, at the estimate: between it and the end lies one edge. */
function edge(end: number, estimate: number, refuted: (p: number) => boolean): number {
  let outside = end;
  let inside = estimate;
  for (let step = 0; step < 60; step += 1) {
    const middle = (outside + inside) / 2;
    if (middle <= 0 || middle >= 1) break;
    if (refuted(middle)) outside = middle;
    else inside = middle;
  }
  return outside;
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/** Stirling's series (Abramowitz and Stegun 6.1.41) from 8 upwards, the recurrence below. For x > 0. */
function logGamma(x: number): number {
  let shift = 0;
  let z = x;
  for (; z < 8; z += 1) shift -= log(z);
  const square = 1 / (z * z);
  const series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188)))) / z;
  return shift + (z - 0.5) * log(z) - z + 0.5 * log(2 * PI) + series;
}
