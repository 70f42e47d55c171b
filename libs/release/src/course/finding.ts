import type { Verdict } from '../judgement/judge-proportion.js';
import type { StageJudgement } from '../judgement/judge-stage.js';
import type { Evidence } from './evidence.js';
import type { Cause } from './step.js';

/** What is held against the candidate, or for it. */
export interface Finding {
  verdict: Verdict;
  shared: boolean;
  cause: Cause;
}

/** A candidate that cannot run is a severe anomaly, whatever was measured: of what nobody answers, nothing is measured. */
export function findingOf(judgement: StageJudgement | null, { candidateFailure }: Evidence): Finding {
  const evidence = judgement === null ? null : { ...judgement };
  if (candidateFailure !== null) {
    return {
      verdict: 'severe',
      shared: false,
      cause: { by: null, reason: `severe: the candidate does not run: ${candidateFailure}`, evidence },
    };
  }
  if (judgement === null) {
    return { verdict: 'not_enough_data', shared: false, cause: { by: null, reason: 'not enough data: nothing was measured', evidence } };
  }
  const { verdict, shared, reason } = judgement;
  return { verdict, shared, cause: { by: null, reason, evidence } };
}
