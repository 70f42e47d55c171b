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
  /** The baseline is over as well, and the candidate not shown to be worse: not to be blamed on the candidate. */
  shared: boolean;
}

/** A stage has two such judgements: together, a healthy candidate is wrongly found over in at most 1 % of stages. */
const ALPHA = 0.005;
const SEVERE_FACTOR = 10;

/**
 * Minor: the rate is over the threshold, the evidence is not. Moderate: the evidence is. Severe: it is, and the rate is at ten times the
 * threshold or nothing succeeds. May be asked at any time and as often as one likes.
 * @param threshold highest rate of failures allowed, 0 < threshold < 1
 * @param minRequests `auto`: as many as resolve the threshold
 */
export function judgeProportion(
  candidate: Trials,
  baseline: Trials,
  threshold: number,
  minRequests: number | 'auto' = 'auto',
): ProportionJudgement {
  const { requests, failures } = candidate;
  const interval = intervalOf(candidate, threshold);
  const rate = requests === 0 ? 0 : failures / requests;
  const ofBaseline = intervalOf(baseline, threshold);
  const over = interval.lower > threshold;
  const shared = over && ofBaseline.lower > threshold && interval.lower <= ofBaseline.upper;
  const needed = minRequests === 'auto' ? requestsToResolve(threshold) : minRequests;
  return { verdict: verdictOf(), rate, ...interval, shared };

  function verdictOf(): Verdict {
    if (over) return rate >= SEVERE_FACTOR * threshold || failures === requests ? 'severe' : 'moderate';
    if (requests < Math.max(needed, 1)) return 'not_enough_data';
    return rate > threshold ? 'minor' : 'pass';
  }
}

/** Fewer requests than this cannot show a rate at the threshold: one failure would already be over. */
function requestsToResolve(threshold: number): number {
  // Without the rounding, a threshold of 1 - 0.999 asks for 1000 or 1001 as its last bit has it.
  return Math.ceil(Number((1 / threshold).toPrecision(9)));
}

function intervalOf({ requests, failures }: Trials, threshold: number): Interval {
  return confidenceInterval(failures, requests, ALPHA, mixtureFor(threshold));
}
