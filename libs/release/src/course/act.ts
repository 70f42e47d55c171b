import type { ReleasePlan } from '../plan/plan.js';
import { enterStage, extend, goOn, pause, promote, resume, rollBack, stageOf, zero } from './moves.js';
import { passTime } from './pass-time.js';
import type { ReleaseState } from './state.js';
import { type Cause, move, type Step } from './step.js';
import { allowedActions, type ReleaseAction } from './transitions.js';

export interface Request {
  state: ReleaseState;
  plan: ReleasePlan;
  now: number;
  action: ReleaseAction;
  by: string;
  reason: string | null;
  /** Of `extend`: how much longer; the stage's own time if not given. */
  extendMs?: number;
}

/** What somebody asks for. Refused where the state does not allow it, with what it does allow. */
export function act({ state: before, plan, now: clock, action, by, reason, extendMs }: Request): Step | { refused: ReleaseAction[] } {
  const allowed = allowedActions(before.status);
  if (!allowed.includes(action)) return { refused: allowed };
  const state = passTime(before, clock, 0);
  const now = state.decidedAt;
  const step: Step = { state, events: [] };
  const cause: Cause = { by, reason: reason ?? `${action} by ${by}`, evidence: null };
  const steps: Record<ReleaseAction, () => Step> = {
    pause: () => pause(step, 'user', cause),
    resume: () => resume(step, now, cause),
    extend: () => extend(step, now, extendMs ?? stageOf(plan, state).observeMs, cause),
    approve: () => goOn(approved(step, cause), plan, now, cause),
    advance: () => goOn(step, plan, now, cause),
    promote: () => promote(step, plan, now, cause),
    zero: () => zero(step, cause),
    restore: () => restore(step, plan, now, cause),
    rollback: () => rollBack(step, cause),
    abort: () => abort(step, now, cause),
  };
  return steps[action]();
}

function approved(step: Step, cause: Cause): Step {
  return move(step, 'approved', cause, {});
}

/** From the first stage on, up to the stage in which the traffic was taken away. */
function restore(step: Step, plan: ReleasePlan, now: number, cause: Cause): Step {
  const { state } = step;
  const restoreUntilStage = Math.max(state.restoreUntilStage ?? 0, state.stageIndex);
  return enterStage(move(step, 'restoring', cause, { restoreUntilStage }), plan, 0, now, cause);
}

/** Everything stays as it is. */
function abort(step: Step, now: number, cause: Cause): Step {
  const wanted = { ...step.state.wanted, enforced: false };
  return move(step, 'aborted', cause, { status: 'aborted', wanted, paused: null, observeUntil: null, endedAt: now });
}
