import type { InstanceRule } from '../plan/plan.js';

export const RELEASE_STATUSES = [
  'pending',
  'running',
  'extended',
  'paused',
  'awaiting_approval',
  'zeroed',
  'rolling_back',
  'rolled_back',
  'promoting',
  'completed',
  'aborted',
] as const;
export type ReleaseStatus = (typeof RELEASE_STATUSES)[number];

/**
 * What is wanted of the world. Whoever acts brings the world there, again and again, and says in the evidence whether it is there: nothing is lost
 * or done twice when it is killed in between.
 */
export interface Wanted {
  /** False: leave everything as it is, whatever stands below. So it is when a release has ended, or somebody else has taken over. */
  enforced: boolean;
  /** The rest of the traffic goes to what had it before the release. */
  candidateWeightBp: number;
  /** Null: as they are. */
  candidateInstances: InstanceRule | null;
  /** `stop`: only after its weight is confirmed to be 0, and as every stop, with its drain. */
  candidate: 'run' | 'stop';
  /** The weights of the revision before the release, and the baseline running with the instances that it had. */
  restoreBaseline: boolean;
}

/**
 * Of a stage: its `before` hooks run and instances start; its weight is set; it is watched. Zeroed: the weight is set; it is confirmed and
 * stays so. Of a rollback: weights are restored; the candidate stops. Of promoting: instances start; the weight is set.
 */
export type Phase = 'preparing' | 'shifting' | 'observing' | 'stopping';

/** Plain JSON; times in milliseconds since 1970. What was true at a moment is in the events, what is wanted now is here. */
export interface ReleaseState {
  /** How many events led here: the number of the last one, from 1. */
  sequence: number;
  status: ReleaseStatus;
  phase: Phase;
  stageIndex: number;
  /** Counts the stages entered, a stage that is entered again counts again: with it, a hook of a stage has an identity. */
  entry: number;
  /** The observation began: the weight was confirmed on all live proxies, the instances ran. Null: it has not. */
  stageStartedAt: number | null;
  /** While nothing is observed (paused, to be approved) it moves along with time. */
  observeUntil: number | null;
  extensions: number;
  /** By how much they made the observation longer, together. */
  extendedMs: number;
  /**
   * Judge by what was measured from here on; null: nothing to judge yet. While a stage is observed, its weight has been the same since: shares that change
   * make rates of the two incomparable.
   */
  judgedFrom: number | null;
  /** Of the last decision. Time that passed between two is observed only as far as it was measured. */
  decidedAt: number;
  /** For how long the last thing wanted has not come about; time in which it was held up by people, or nobody decided, is left out. */
  waitedMs: number;
  wanted: Wanted;
  /** Why it is as it is, for people. */
  reason: string | null;
  /** Only while paused: what it goes back to, and why it is. */
  paused: { from: ReleaseStatus; cause: 'user' | 'verdict' | 'hook' | 'no_progress' | 'manual_change' } | null;
  /** After a zeroing: the stage up to which the weight comes back, in short steps. */
  restoreUntilStage: number | null;
  startedAt: number;
  endedAt: number | null;
}

/** One line of a release's history. Played from the first on, they give every status and weight that it had. */
export interface ReleaseEvent {
  type: ReleaseEventType;
  from: ReleaseStatus;
  to: ReleaseStatus;
  stageIndex: number;
  candidateWeightBp: { from: number; to: number };
  /** Null: the engine. */
  by: string | null;
  reason: string | null;
  /** Plain JSON: what was known when it was decided. */
  evidence: Record<string, unknown> | null;
}

export const RELEASE_EVENT_TYPES = [
  'started',
  'stage_entered',
  'weight_set',
  'observation_started',
  'stage_passed',
  'extended',
  'awaiting_approval',
  'paused',
  'resumed',
  'approved',
  'zeroed',
  'zero_confirmed',
  'restoring',
  'rolling_back',
  'stopping_candidate',
  'rolled_back',
  'promoting',
  'completed',
  'aborted',
] as const;
export type ReleaseEventType = (typeof RELEASE_EVENT_TYPES)[number];
