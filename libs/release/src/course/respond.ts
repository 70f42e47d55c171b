import type { AnomalyResponse, ReleasePlan } from '../plan/plan.js';
import type { Finding } from './finding.js';
import { extend, goOn, pause, rollBack, stageOf, zero } from './moves.js';
import { because, move, type Step } from './step.js';

/**
 * What an anomaly asks for at any time, also while the release is paused or waits for approval. Null: nothing to do. What somebody else
 * has taken over by a change of his own, and what has no traffic any more, is left alone.
 */
export function respondAtOnce(step: Step, plan: ReleasePlan, { verdict, shared, cause }: Finding): Step | null {
  const { status, paused, wanted } = step.state;
  const standing = paused?.from ?? status;
  if (!wanted.enforced || standing === 'zeroed' || standing === 'rolling_back') return null;
  if (verdict !== 'moderate' && verdict !== 'severe') return null;
  const response = shared ? 'pause' : stageOf(plan, step.state).onAnomaly[verdict];
  if (response === 'extend' || (response === 'pause' && status === 'paused')) return null;
  return answer(step, response, { verdict, shared, cause });
}

/** The time of the stage is over: it has passed, or is not done yet. */
export function endObservation(step: Step, plan: ReleasePlan, finding: Finding): Step {
  const { state } = step;
  const stage = stageOf(plan, state);
  const { verdict, cause } = finding;
  if (verdict === 'pass') return pass(step, plan, finding);
  const response = verdict === 'not_enough_data' ? 'extend' : stage.onAnomaly[verdict];
  if (response !== 'extend') return answer(step, response, finding);
  if (state.extensions < stage.maxExtensions) return extend(step, state.decidedAt, stage.observeMs, cause);
  return pause(step, 'verdict', { ...cause, reason: `${cause.reason}, after ${state.extensions} extensions` });
}

function answer(step: Step, response: Exclude<AnomalyResponse, 'extend'>, { cause }: Finding): Step {
  if (response === 'zero') return zero(step, cause);
  return response === 'rollback' ? rollBack(step, cause) : pause(step, 'verdict', cause);
}

/** Coming back after a zeroing, what was approved once is not asked for again. */
function pass(step: Step, plan: ReleasePlan, { cause }: Finding): Step {
  const { decidedAt, restoreUntilStage } = step.state;
  const { name, approval } = stageOf(plan, step.state);
  const passed = move(step, 'stage_passed', { ...cause, reason: `stage ${name} has passed` }, {});
  if (approval === 'auto' || restoreUntilStage !== null) return goOn(passed, plan, decidedAt, because(`stage ${name} has passed`));
  const waiting = because(`stage ${name} has passed and waits for approval`);
  return move(passed, 'awaiting_approval', waiting, { status: 'awaiting_approval' });
}
