import type { MeasuredRecently } from '../judgement/judge-stage.js';
import type { MeasuredBoth } from '../judgement/judge-window.js';

/** What is known about the world, gathered for one decision. */
export interface Evidence {
  /** `state.sequence` for which it was gathered. If the state has changed since, it says nothing about what is wanted now, and nothing is decided. */
  sequence: number;
  /**
   * All that `state.wanted` asks for holds: every live proxy has confirmed the weights, at least as many instances as asked for run
   * (`candidate: 'run'`) or none does (`'stop'`), the baseline has its capacity.
   */
  ready: boolean;
  /** What does not hold yet, for people; null: all does. */
  waitingFor: string | null;
  /** It waits for people (a freeze that ends, a candidate that somebody starts elsewhere), who may take their time. */
  held: boolean;
  /** Since when it holds. Null, or in the future: since now. */
  appliedAt: number | null;
  /** Of the `before` hooks of this stage, for `state.entry`; `none`: it has none. */
  beforeHooks: 'none' | 'running' | 'passed' | 'failed';
  /** Which of them failed and why, for people. */
  hookFailure?: string | null;
  /** What was measured of both versions from `state.judgedFrom` on, over the same time; null: nothing could be read. */
  measured: MeasuredBoth | null;
  /** The same for each of `recentWindows(state.judgedFrom, now)`, from its begin on, with its share. */
  recently: MeasuredRecently[];
  /**
   * How much of the time from `state.decidedAt` until now lies in buckets of time in which requests were measured. Needed only when more than
   * `LONGEST_UNWATCHED_MS` have passed since then; without it such time does not count as observed.
   */
  measuredMs?: number;
  /** The candidate cannot run any more (its run FAILED, it was stopped): what happened. */
  candidateFailure: string | null;
  /** Somebody else changed the distribution since the release last set it: who and what. */
  manualChange: string | null;
}

/** The engine decides every few seconds; a longer gap between two decisions means that it was not there. */
export const LONGEST_UNWATCHED_MS = 60_000;
