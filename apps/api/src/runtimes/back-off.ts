export interface BackOff {
  /** After the first crash; doubles with each further one in a row. */
  baseMs: number;
  maxMs: number;
  /** Crashes in a row after which it is given up: the first start and this many restarts. */
  maxRestarts: number;
  /** Whatever stayed up this long starts counting anew. */
  stableMs: number;
}

export const DEFAULT_BACK_OFF: BackOff = { baseMs: 100, maxMs: 30_000, maxRestarts: 5, stableMs: 60_000 };

/** Part of a delay that chance takes away, so that what crashed together does not start together. */
const JITTER = 0.2;

/** Milliseconds to wait after crash number `crashes` (from 1) in a row; null: give up. `random` is in [0, 1). */
export function restartDelayMs(crashes: number, backOff: BackOff, random: number): number | null {
  if (crashes > backOff.maxRestarts) return null;
  const fullMs = Math.min(backOff.baseMs * 2 ** (crashes - 1), backOff.maxMs);
  return Math.round(fullMs * (1 - JITTER * random));
}
