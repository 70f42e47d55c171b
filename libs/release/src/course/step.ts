import type { ReleaseEvent, ReleaseEventType, ReleaseState } from './state.js';
import { isTerminal, TRANSITIONS } from './transitions.js';

/** A state and what led to it. */
export interface Step {
  state: ReleaseState;
  events: ReleaseEvent[];
}

export interface Cause {
  /** Null: the engine. */
  by: string | null;
  reason: string | null;
  evidence: Record<string, unknown> | null;
}

/** One event, and the state after it. Whatever changes a status or a weight goes through here. */
export function move(step: Step, type: ReleaseEventType, cause: Cause, changes: Partial<ReleaseState>): Step {
  const before = step.state;
  const state = { ...before, waitedMs: 0, ...changes, sequence: before.sequence + 1, reason: cause.reason };
  assertTransition(before, state);
  const event: ReleaseEvent = {
    type,
    from: before.status,
    to: state.status,
    stageIndex: state.stageIndex,
    candidateWeightBp: { from: before.wanted.candidateWeightBp, to: state.wanted.candidateWeightBp },
    ...cause,
  };
  return { state, events: [...step.events, event] };
}

function assertTransition(before: ReleaseState, after: ReleaseState): void {
  const { actions, decisions } = TRANSITIONS[before.status];
  const ways = [...decisions, ...Object.values(actions).flat()];
  const stays = before.status === after.status && !isTerminal(before.status);
  if (!stays && !ways.includes(after.status)) throw new Error(`a release does not go from ${before.status} to ${after.status}`);
}

/** The engine's own doing. */
export function because(reason: string | null): Cause {
  return { by: null, reason, evidence: null };
}
