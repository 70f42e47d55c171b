import type { ReleasePlan } from '../plan/plan.js';
import type { ReleaseEvent, ReleaseState } from './state.js';
import type { Step } from './step.js';

/** A new release: the instances of the first stage are wanted, no traffic yet. */
export function startRelease(plan: ReleasePlan, now: number, by: string, reason: string | null): Step {
  const state: ReleaseState = {
    sequence: 1,
    status: 'pending',
    phase: 'preparing',
    stageIndex: 0,
    entry: 1,
    stageStartedAt: null,
    observeUntil: null,
    extensions: 0,
    extendedMs: 0,
    judgedFrom: null,
    decidedAt: now,
    waitedMs: 0,
    wanted: {
      enforced: true,
      candidateWeightBp: 0,
      candidateInstances: plan.stages[0]!.instances,
      candidate: 'run',
      restoreBaseline: false,
    },
    reason,
    paused: null,
    restoreUntilStage: null,
    startedAt: now,
    endedAt: null,
  };
  const started: ReleaseEvent = {
    type: 'started',
    from: 'pending',
    to: 'pending',
    stageIndex: 0,
    candidateWeightBp: { from: 0, to: 0 },
    by,
    reason,
    evidence: null,
  };
  return { state, events: [started] };
}
