import { LONGEST_UNWATCHED_MS } from './evidence.js';
import type { ReleaseState } from './state.js';

const OBSERVED: ReadonlySet<string> = new Set(['running', 'extended']);

/**
 * Time passes until `now`. What was not observed makes the observation end later: time in which the release was paused, and time in
 * which nobody decided, as far as nothing was measured in it. A clock that goes back passes no time.
 * @param measuredMs how much of a long gap was measured
 */
export function passTime(state: ReleaseState, now: number, measuredMs: number): ReleaseState {
  const passedMs = Math.max(0, now - state.decidedAt);
  const decidedAt = state.decidedAt + passedMs;
  if (state.observeUntil === null) return { ...state, decidedAt };
  const observedMs = OBSERVED.has(state.status) ? observed(passedMs, measuredMs) : 0;
  return { ...state, decidedAt, observeUntil: state.observeUntil + passedMs - observedMs };
}

/** How much of the time that has passed counts as observed. */
export function observed(passedMs: number, measuredMs: number): number {
  return passedMs <= LONGEST_UNWATCHED_MS ? passedMs : Math.min(passedMs, Math.max(0, measuredMs));
}
