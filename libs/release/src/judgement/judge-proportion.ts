import { confidenceInterval, type Interval, mixtureFor } from './proportion.js';

export type Verdict = 'pass' | 'minor' | 'moderate' | 'severe' | 'not_enough_data';

/** Cumulative since the start of the stage; `failures` are errors (stability) or requests that were not served (availability). */
export interface Trials {
  requests: number;
  failures: number;
}

export interface ProportionJudgement extends Interval {
  verdict: Verdict;
  /** 0 if there were no requests. */
  rate: number;
  /** The baseline is over as well: not to be blamed on the candidate. */
  shared: boolean;
}

export interface ProportionOptions {
  /** Highest rate of failures allowed, 0 < threshold < 1. */
  threshold: number;
  /** Probability of ever finding a rate over the threshold that is not. */
  alpha: number;
  /** `auto`: as many as resolve the threshold. */
  minRequests: number | 'auto';
  /** So many times the threshold is severe. */
  severeFactor: number;
}

/**
 * Minor: the rate is over the threshold, the evidence is not. Moderate: the evidence is. Severe: it is, and the rate is far over the
 * threshold or nothing succeeds. May be asked at any time and as often as one likes.
 */
export function judgeProportion(candidate: Trials, baseline: Trials, options: ProportionOptions): ProportionJudgement {
  const { threshold, minRequests, severeFactor } = options;
  const { requests, failures } = candidate;
  const interval = intervalOf(candidate, options);
  const rate = requests === 0 ? 0 : failures / requests;
  const over = interval.lower > threshold;
  const needed = minRequests === 'auto' ? requestsToResolve(threshold) : minRequests;
  return { verdict: verdictOf(), rate, ...interval, shared: over && baselineIsAlike() };

  function baselineIsAlike(): boolean {
    return isAlike(interval, intervalOf(baseline, options), threshold);
  }

  function verdictOf(): Verdict {
    if (over) return rate >= severeFactor * threshold || failures === requests ? 'severe' : 'moderate';
    if (requests < Math.max(needed, 1)) return 'not_enough_data';
    return rate > threshold ? 'minor' : 'pass';
  }
}

/**
 * Whether the baseline is over as well, and the candidate not shown to be worse by more than a fifth: with many requests any difference can be
 * shown, and in an outage there always is one, if only because it did not begin for both at the same request.
 */
export function isAlike(candidate: Interval, baseline: Interval, threshold: number): boolean {
  return baseline.lower > threshold && candidate.lower <= 1.2 * baseline.upper;
}

/** Fewer requests than this cannot show a rate at the threshold: one failure would already be over. */
function requestsToResolve(threshold: number): number {
  // Without the rounding, a threshold of 1 - 0.999 asks for 1000 or 1001 as its last bit has it.
  return Math.ceil(Number((1 / threshold).toPrecision(9)));
}

function intervalOf({ requests, failures }: Trials, { threshold, alpha }: ProportionOptions): Interval {
  return confidenceInterval(failures, requests, alpha, mixtureFor(threshold));
}
