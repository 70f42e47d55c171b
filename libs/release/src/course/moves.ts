import type { ReleasePlan, Stage } from '../plan/plan.js';
import type { ReleaseState } from './state.js';
import { type Cause, move, type Step } from './step.js';

const TOTAL_BP = 10_000;
/** Coming back after a zeroing, the stages before the one that failed are passed in a quarter of their time. */
const RESTORE_PACE = 4;
const NOT_OBSERVED = { stageStartedAt: null, observeUntil: null } as const;

export function stageOf(plan: ReleasePlan, { stageIndex }: ReleaseState): Stage {
  return plan.stages[stageIndex]!;
}

export function observeMsOf(plan: ReleasePlan, state: ReleaseState): number {
  const { observeMs } = stageOf(plan, state);
  return state.restoreUntilStage === null ? observeMs : Math.ceil(observeMs / RESTORE_PACE);
}

/** First instances and hooks, with the weight that there is. While coming back, no instance is taken away. */
export function enterStage(step: Step, plan: ReleasePlan, index: number, now: number, cause: Cause): Step {
  const { state } = step;
  const { instances, observeMs } = plan.stages[index]!;
  const restoring = state.restoreUntilStage !== null && index < state.restoreUntilStage;
  const restored = state.restoreUntilStage !== null && !restoring;
  return move(step, 'stage_entered', cause, {
    ...NOT_OBSERVED,
    status: restored ? 'extended' : 'running',
    phase: 'preparing',
    stageIndex: index,
    entry: state.entry + 1,
    extensions: restored ? 1 : 0,
    extendedMs: restored ? observeMs : 0,
    judgedFrom: state.wanted.candidateWeightBp > 0 ? now : null,
    wanted: {
      ...state.wanted,
      enforced: true,
      candidateInstances: restoring ? state.wanted.candidateInstances : (instances ?? state.wanted.candidateInstances),
      candidate: 'run',
      restoreBaseline: false,
    },
    paused: null,
    restoreUntilStage: restoring ? state.restoreUntilStage : null,
  });
}

/** After the last stage all traffic goes to the candidate. */
export function goOn(step: Step, plan: ReleasePlan, now: number, cause: Cause): Step {
  const next = step.state.stageIndex + 1;
  return next < plan.stages.length ? enterStage(step, plan, next, now, cause) : promote(step, plan, now, cause);
}

export function promote(step: Step, plan: ReleasePlan, now: number, cause: Cause): Step {
  const { state } = step;
  const last = plan.stages.at(-1)!;
  const all = last.weightBp === TOTAL_BP || last.instances === null ? last.instances : { percent: 100 };
  return move(step, 'promoting', cause, {
    ...NOT_OBSERVED,
    status: 'promoting',
    phase: 'preparing',
    stageIndex: plan.stages.length - 1,
    judgedFrom: state.judgedFrom ?? (state.wanted.candidateWeightBp > 0 ? now : null),
    wanted: {
      enforced: true,
      candidateWeightBp: state.wanted.candidateWeightBp,
      candidateInstances: all ?? state.wanted.candidateInstances,
      candidate: 'run',
      restoreBaseline: false,
    },
    paused: null,
    restoreUntilStage: null,
  });
}

/** The instances stay, to be looked at. */
export function zero(step: Step, cause: Cause): Step {
  return move(step, 'zeroed', cause, {
    ...NOT_OBSERVED,
    status: 'zeroed',
    phase: 'shifting',
    judgedFrom: null,
    wanted: { ...step.state.wanted, enforced: true, candidateWeightBp: 0, candidate: 'run', restoreBaseline: false },
    paused: null,
  });
}

/** The candidate is stopped only when its weight is confirmed to be 0. */
export function rollBack(step: Step, cause: Cause): Step {
  return move(step, 'rolling_back', cause, {
    ...NOT_OBSERVED,
    status: 'rolling_back',
    phase: 'shifting',
    judgedFrom: null,
    wanted: { ...step.state.wanted, enforced: true, candidateWeightBp: 0, candidate: 'run', restoreBaseline: true },
    paused: null,
    restoreUntilStage: null,
  });
}

type PauseCause = NonNullable<ReleaseState['paused']>['cause'];

/** Paused twice, it still goes back to what it was before the first time. After a change by somebody else, nothing is enforced. */
export function pause(step: Step, pauseCause: PauseCause, cause: Cause): Step {
  const { state } = step;
  return move(step, 'paused', cause, {
    status: 'paused',
    paused: { from: state.paused?.from ?? state.status, cause: pauseCause },
    wanted: { ...state.wanted, enforced: state.wanted.enforced && pauseCause !== 'manual_change' },
  });
}

/**
 * Paused by somebody, or because nothing went on, it goes on where it was. Else its stage is observed anew, from when the weight is confirmed again: what
 * was judged once would only be judged the same again. A hook that failed runs again.
 */
export function resume(step: Step, now: number, cause: Cause): Step {
  const { state } = step;
  const { from, cause: pausedFor } = state.paused ?? { from: 'running' as const, cause: 'user' as const };
  const wanted = { ...state.wanted, enforced: true };
  const inStage = from === 'running' || from === 'extended' || from === 'awaiting_approval';
  const judgedFrom = state.judgedFrom === null ? null : now;
  if (pausedFor === 'user' || pausedFor === 'no_progress') return move(step, 'resumed', cause, { status: from, paused: null, wanted });
  if (state.phase === 'preparing')
    return move(step, 'resumed', cause, { status: from, paused: null, wanted, judgedFrom, entry: state.entry + 1 });
  if (!inStage) return move(step, 'resumed', cause, { status: from, phase: resumedPhase(state), paused: null, wanted, judgedFrom });
  return move(step, 'resumed', cause, {
    ...NOT_OBSERVED,
    status: 'running',
    phase: 'shifting',
    extensions: 0,
    extendedMs: 0,
    judgedFrom: now,
    paused: null,
    wanted,
  });
}

/** A rollback that had begun to stop the candidate goes on with that. */
function resumedPhase({ phase }: ReleaseState): ReleaseState['phase'] {
  return phase === 'stopping' ? 'stopping' : 'shifting';
}

/** @param byMs how much longer, from now on if its time is over */
export function extend(step: Step, now: number, byMs: number, cause: Cause): Step {
  const { state } = step;
  return move(step, 'extended', cause, {
    status: 'extended',
    extensions: state.extensions + 1,
    extendedMs: state.extendedMs + byMs,
    observeUntil: state.observeUntil === null ? null : Math.max(state.observeUntil, now) + byMs,
    paused: null,
  });
}
