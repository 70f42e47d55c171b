import { type Measures, noMeasures, subtractMeasures } from './measures.js';

/** What is known of one series of one source: its last cumulative values. */
export interface Baseline {
  sequence: number;
  measures: Measures;
}

/**
 * What cumulative values add to what was counted before. Null: nothing, they were counted already (doubled, or overtaken by later ones,
 * which held them too). Values that went down under a new sequence belong to a series that began anew: all of them count.
 */
export function account(baseline: Baseline | null, sequence: number, measures: Measures): Measures | null {
  if (baseline === null) return subtractMeasures(measures, noMeasures());
  if (sequence <= baseline.sequence) return null;
  return subtractMeasures(measures, baseline.measures) ?? measures;
}

/** Time is kept in buckets of these many seconds, the coarser the longer; each divides the next. */
export const RESOLUTIONS = [10, 60, 3_600] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** Seconds. A series has at most 360 + 1,440 + 2,160 buckets (of instances, none of the coarsest). */
export const RETENTION: Readonly<Record<Resolution, number>> = { 10: 3_600, 60: 86_400, 3600: 90 * 86_400 };

/** A coarse bucket is made from fine ones so long after its end: nearly all that belongs to it is there by then. */
const ROLL_UP_AFTER_SECONDS = 60;

/** Up to when coarse buckets have been made: milliseconds since 1970, multiples of the resolution. */
export type RolledUp = Readonly<Record<60 | 3_600, number>>;

export function floorTo(ms: number, seconds: number): number {
  return Math.floor(ms / (seconds * 1_000)) * seconds * 1_000;
}

/**
 * The buckets that a count of the time `atMs` is added to: the fine one, as long as it is kept, and every coarse one that was made already and
 * so will not be made from the fine one any more. Empty: it is too old to be kept at all.
 */
export function bucketsFor(atMs: number, nowMs: number, rolledUp: RolledUp): { resolution: Resolution; atMs: number }[] {
  return RESOLUTIONS.filter((resolution) => {
    const isKept = floorTo(atMs, resolution) >= oldestKept(nowMs, resolution);
    return isKept && (resolution === 10 || atMs < rolledUp[resolution]);
  }).map((resolution) => ({ resolution, atMs: floorTo(atMs, resolution) }));
}

/** Begin of the oldest bucket that is kept. */
export function oldestKept(nowMs: number, resolution: Resolution): number {
  return floorTo(nowMs - RETENTION[resolution] * 1_000, resolution);
}

/** Up to when buckets of this resolution can be made now. */
export function rollUpUntil(nowMs: number, resolution: 60 | 3_600): number {
  return floorTo(nowMs - ROLL_UP_AFTER_SECONDS * 1_000, resolution);
}
