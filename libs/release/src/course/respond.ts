import type { StageJudgement } from '../judgement/judge-stage.js';
import type { AnomalyResponse, ReleasePlan } from '../plan/plan.js';
import type { Evidence } from './evidence.js';
import { extend, goOn, pause, rollBack, stageOf, zero } from './moves.js';
import { type Cause, move, type Step } from './step.js';

/**
 * What an anomaly asks for at any time, also while somebody has paused the release or is to approve it. Null: nothing to do.
 * What another has taken over by a change of his own, and what has no traffic any more, is left alone.
 */
export function safetyNet(step: Step, plan: ReleasePlan, judgement: StageJudgement | null, evidence: Evidence): Step | null {
  const { state } = step;
  if (state.status === 'zeroed' || state.status === 'rolling_back' || !state.wanted.enforced) return null;
  if (state.paused !== null && (state.paused.from === 'zeroed' || state.paused.from === 'rolling_back')) return null;
  const { onAnomaly } = stageOf(plan, state);
  if (evidence.candidateFailure !== null) {
    return respond(step, onAnomaly.severe, causeOf(`the candidate does not run: ${evidence.candidateFailure}`, judgement));
  }
  if (judgement === null || (judgement.verdict !== 'moderate' && judgement.verdict !== 'severe')) return null;
  const cause = causeOf(judgement.reason, judgement);
  return respond(step, judgement.shared ? 'pause' : onAnomaly[judgement.verdict], cause);
}

function respond(step: Step, response: AnomalyResponse, cause: Cause): Step | null {
  if (response === 'zero') return zero(step, cause);
  if (response === 'rollback') return rollBack(step, cause);
  if (response === 'extend' || step.state.status === 'paused') return null;
  return pause(step, 'verdict', cause);
}

/** The time of the stage is over: it has passed, or is not done yet. */
export function endOfObservation(step: Step, plan: ReleasePlan, now: number, judgement: StageJudgement | null): Step {
  const { state } = step;
  const stage = stageOf(plan, state);
  const verdict = judgement?.verdict ?? 'not_enough_data';
  const cause = causeOf(judgement === null ? 'nothing could be measured' : judgement.reason, judgement);
  if (verdict === 'pass') {
    const passed = move(step, 'stage_passed', { ...cause, reason: `stage ${stage.name} has passed` }, {});
    return stage.approval === 'manual' && state.restoreUntilStage === null
      ? move(
          passed,
          'awaiting_approval',
          { ...cause, reason: `stage ${stage.name} has passed and waits for approval` },
          { status: 'awaiting_approval' },
        )
      : goOn(passed, plan, now, { by: null, reason: `stage ${stage.name} has passed`, evidence: null });
  }
  const response = verdict === 'not_enough_data' ? 'extend' : stage.onAnomaly[verdict];
  if (response === 'zero') return zero(step, cause);
  if (response === 'rollback') return rollBack(step, cause);
  if (response === 'pause') return pause(step, 'verdict', cause);
  if (state.extensions < stage.maxExtensions) return extend(step, now, stage.observeMs, cause);
  return pause(step, 'verdict', { ...cause, reason: `${cause.reason}, after ${state.extensions} extensions` });
}

function causeOf(reason: string | null, judgement: StageJudgement | null): Cause {
  return { by: null, reason, evidence: judgement === null ? null : { ...judgement } };
}
