/** A window of a step holds the last step at least and the last two at most. */
const STEPS_MS = [10_000, 120_000];

export interface RecentWindow {
  /** Where the window begins. */
  from: number;
  /** Its part of the probability of a false alarm that all windows share. */
  share: number;
}

/**
 * Beside all that was measured of a stage, what was measured last is judged alone: a candidate that was good for hours has a good rate for long after it
 * has stopped to answer at all. Short windows for what breaks, longer ones for what there is little traffic of. A window begins at every step, whatever was
 * measured, and each is evidence of its own; the k-th of a step may raise a false alarm with 1/(k(k+1)) of the probability of that step, which add
 * up to 1 however long the stage is.
 * @returns at most one for each step, none while its first two are all there is
 */
export function recentWindows(judgedFrom: number, now: number, stepsMs: readonly number[] = STEPS_MS): RecentWindow[] {
  return stepsMs.flatMap((stepMs) => {
    const number = Math.floor((now - judgedFrom) / stepMs) - 1;
    return number < 1 ? [] : [{ from: judgedFrom + number * stepMs, share: 1 / (number * (number + 1) * stepsMs.length) }];
  });
}
