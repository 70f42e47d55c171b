import type { Stage } from '../plan/plan.js';
import { judgeLatency, type LatencyVerdict } from './judge-latency.js';
import { judgeProportion, type Verdict } from './judge-proportion.js';
import type { Latency } from './latency.js';

/** Cumulative over the time that is judged. */
export interface Measured {
  requests: number;
  /** By the one definition of an error. */
  errors: number;
  /** Errors, and requests whose client left before an answer. */
  unserved: number;
  /** Null: not measured; then limits of latency have not enough data. */
  latency: Latency | null;
}

/** Of both versions, over the same time. */
export interface MeasuredBoth {
  candidate: Measured;
  baseline: Measured;
}

export interface StabilityVerdict {
  verdict: Verdict;
  /** 0 if there were no requests. */
  errorRate: number;
  lower: number;
  upper: number;
  requests: number;
  /** Null: the baseline had no requests. */
  baselineErrorRate: number | null;
  /** One for each limit that the stage has. */
  latency: LatencyVerdict[];
}

export interface AvailabilityVerdict {
  verdict: Verdict;
  /** 1 if there were no requests. */
  availability: number;
  lower: number;
  upper: number;
  requests: number;
  /** Null: the baseline had no requests. */
  baselineAvailability: number | null;
}

export interface WindowJudgement {
  stability: StabilityVerdict;
  availability: AvailabilityVerdict;
  /** Each thing that was judged, with what can be said about it. */
  findings: { verdict: Verdict; shared: boolean; reason: string }[];
}

/**
 * How a stage's probability of a false alarm, 1 %, is divided among what is judged; by Bonferroni, together they keep to it. Each part is used four times:
 * by all that was measured and by what was measured last, while the stage's weight is set and while it is observed. That of latency is divided
 * once more among the limits that a stage has.
 */
export const ALPHA = { errors: 0.000625, availability: 0.000625, latency: 0.00125 } as const;

/** @param share of the probability of a false alarm that this window may use up */
export function judgeWindow(stage: Stage, { candidate, baseline }: MeasuredBoth, share: number): WindowJudgement {
  const { minRequests, severeFactor, stability, availability } = stage;
  const errors = judgeProportion(
    { requests: candidate.requests, failures: candidate.errors },
    { requests: baseline.requests, failures: baseline.errors },
    { threshold: stability.maxErrorRate, alpha: share * ALPHA.errors, minRequests, severeFactor },
  );
  const unserved = judgeProportion(
    { requests: candidate.requests, failures: candidate.unserved },
    { requests: baseline.requests, failures: baseline.unserved },
    { threshold: 1 - availability.min, alpha: share * ALPHA.availability, minRequests, severeFactor },
  );
  const latency = judgeLatency(stage, candidate.latency, baseline.latency, share * ALPHA.latency);
  const { requests } = candidate;
  const failed = `${percent(errors.rate)} of ${requests} requests failed, at most ${percent(stability.maxErrorRate)} may`;
  const served = `${percent(1 - unserved.rate)} of ${requests} requests were served, at least ${percent(availability.min)} must be`;
  return {
    stability: {
      verdict: worst([errors.verdict, ...latency.map(({ verdict }) => verdict)]),
      errorRate: errors.rate,
      lower: errors.lower,
      upper: errors.upper,
      requests,
      baselineErrorRate: baseline.requests === 0 ? null : baseline.errors / baseline.requests,
      latency,
    },
    availability: {
      verdict: unserved.verdict,
      availability: 1 - unserved.rate,
      lower: 1 - unserved.upper,
      upper: 1 - unserved.lower,
      requests,
      baselineAvailability: baseline.requests === 0 ? null : 1 - baseline.unserved / baseline.requests,
    },
    findings: [
      { ...errors, reason: failed },
      { ...unserved, reason: served },
      ...latency.map((limit) => ({ ...limit, reason: explainLatency(limit) })),
    ],
  };
}

/** From the mildest. */
const SEVERITY: readonly Verdict[] = ['pass', 'not_enough_data', 'minor', 'moderate', 'severe'];

export function worst(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce((worse, one) => (SEVERITY.indexOf(one) > SEVERITY.indexOf(worse) ? one : worse), 'pass');
}

/** There is evidence against the candidate, not only an estimate. */
export function isOver(verdict: Verdict): boolean {
  return verdict === 'moderate' || verdict === 'severe';
}

function explainLatency({ quantile, against, valueMs, limitMs, requests }: LatencyVerdict): string {
  const limit = `${limitMs === null ? 'unknown' : `${limitMs.toPrecision(3)} ms`}${against === 'baseline' ? ' by the baseline' : ''}`;
  return `${quantile} is ${valueMs === null ? 'unknown' : `${valueMs.toPrecision(3)} ms`} of ${requests} requests, the limit ${limit}`;
}

function percent(fraction: number): string {
  return `${Number((100 * fraction).toPrecision(4))} %`;
}
