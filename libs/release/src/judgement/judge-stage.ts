import type { Stage } from '../plan/plan.js';
import { judgeLatency, type LatencyVerdict } from './judge-latency.js';
import { judgeProportion, type ProportionJudgement, type Verdict } from './judge-proportion.js';
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

/** Plain JSON. */
export interface StageJudgement {
  stability: StabilityVerdict;
  availability: AvailabilityVerdict;
  /** The worst of both. */
  verdict: Verdict;
  /** The baseline is over as well, and the candidate not shown to be worse. */
  shared: boolean;
  /** What makes the verdict, for people; null when it is a pass. */
  reason: string | null;
}

/**
 * How a whole stage's probability of a false alarm, 1 %, is divided among what is judged; by Bonferroni, together they keep to it. The part of
 * latency is divided once more among the limits that a stage has.
 */
export const ALPHA = { errors: 0.0025, availability: 0.0025, latency: 0.005 } as const;

/** From the mildest. */
const SEVERITY: readonly Verdict[] = ['pass', 'not_enough_data', 'minor', 'moderate', 'severe'];

/** The verdict on what was measured of a stage so far. May be asked at any time and as often as one likes. */
export function judgeStage(stage: Stage, { candidate, baseline }: { candidate: Measured; baseline: Measured }): StageJudgement {
  const { minRequests, severeFactor } = stage;
  const errors = judgeProportion(
    { requests: candidate.requests, failures: candidate.errors },
    { requests: baseline.requests, failures: baseline.errors },
    { threshold: stage.stability.maxErrorRate, alpha: ALPHA.errors, minRequests, severeFactor },
  );
  const unserved = judgeProportion(
    { requests: candidate.requests, failures: candidate.unserved },
    { requests: baseline.requests, failures: baseline.unserved },
    { threshold: 1 - stage.availability.min, alpha: ALPHA.availability, minRequests, severeFactor },
  );
  const latency = judgeLatency(stage, candidate.latency, baseline.latency, ALPHA.latency);
  const stability = worst([errors.verdict, ...latency.map(({ verdict }) => verdict)]);
  const verdict = worst([stability, unserved.verdict]);
  const over = [errors, unserved, ...latency].filter((one) => one.verdict === 'moderate' || one.verdict === 'severe');
  const shared = over.length > 0 && over.every((one) => one.shared);
  return {
    stability: {
      verdict: stability,
      errorRate: errors.rate,
      lower: errors.lower,
      upper: errors.upper,
      requests: candidate.requests,
      baselineErrorRate: baseline.requests === 0 ? null : baseline.errors / baseline.requests,
      latency,
    },
    availability: {
      verdict: unserved.verdict,
      availability: 1 - unserved.rate,
      lower: 1 - unserved.upper,
      upper: 1 - unserved.lower,
      requests: candidate.requests,
      baselineAvailability: baseline.requests === 0 ? null : 1 - baseline.unserved / baseline.requests,
    },
    verdict,
    shared,
    reason: explain(verdict, shared, { stage, requests: candidate.requests, errors, unserved, latency }),
  };
}

/** What is told first is what decided. */
function explain(verdict: Verdict, shared: boolean, { stage, requests, errors, unserved, latency }: Judged): string | null {
  if (verdict === 'pass') return null;
  const told = [
    [errors.verdict, `${percent(errors.rate)} of ${requests} requests failed, at most ${percent(stage.stability.maxErrorRate)} may`],
    [
      unserved.verdict,
      `${percent(1 - unserved.rate)} of ${requests} requests were served, at least ${percent(stage.availability.min)} must be`,
    ],
    ...latency.map((one) => [one.verdict, explainLatency(one)] as const),
  ] as const;
  const reasons = told.filter(([of]) => of === verdict).map(([, text]) => text);
  const start = verdict === 'not_enough_data' ? 'not enough data: ' : `${verdict}: `;
  return `${start}${reasons.join('; ')}${shared ? '; the baseline fails as well over the same time, so it is not the candidate alone' : ''}`;
}

function worst(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce((worse, one) => (SEVERITY.indexOf(one) > SEVERITY.indexOf(worse) ? one : worse), 'pass');
}

interface Judged {
  stage: Stage;
  requests: number;
  errors: ProportionJudgement;
  unserved: ProportionJudgement;
  latency: LatencyVerdict[];
}

function explainLatency({ quantile, against, valueMs, limitMs, requests }: LatencyVerdict): string {
  const limit = `${limitMs === null ? 'unknown' : `${limitMs.toPrecision(3)} ms`}${against === 'baseline' ? ' by the baseline' : ''}`;
  return `${quantile} is ${valueMs === null ? 'unknown' : `${valueMs.toPrecision(3)} ms`} of ${requests} requests, the limit ${limit}`;
}

function percent(fraction: number): string {
  return `${Number((100 * fraction).toPrecision(4))} %`;
}
