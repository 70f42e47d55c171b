import { floorTo, RESOLUTIONS, RETENTION, type Resolution, type RolledUp } from '@app-fabric/measurement';

const MAX_POINTS = 1_000;
/** Of buckets of instances nothing is kept beyond the middle resolution. */
const MAX_INSTANCE_WINDOW_MS = RETENTION[60] * 1_000;

/** What of the buckets is asked for. Milliseconds since 1970. */
export interface MetricsWindow {
  resolution: Resolution;
  /** Begin of a bucket. */
  fromMs: number;
  /** Now: the last bucket is not full. */
  toMs: number;
  /** A multiple of the resolution; null: no points. */
  stepMs: number | null;
}

/** Coarse enough to be kept for as long as the window, as fine as possible. Null: nothing is kept for so long. */
export function resolutionFor(windowMs: number, byInstance: boolean): Resolution | null {
  if (byInstance && windowMs > MAX_INSTANCE_WINDOW_MS) return null;
  return RESOLUTIONS.find((resolution) => windowMs <= RETENTION[resolution] * 1_000) ?? null;
}

/** Why a step does not fit; null: it does. */
export function stepProblem(stepMs: number, windowMs: number, resolution: Resolution): string | null {
  if (stepMs % (resolution * 1_000) !== 0)
    return `must be a multiple of ${resolution}s: a window of this length is kept in buckets of ${resolution}s`;
  if (windowMs / stepMs > MAX_POINTS) return `makes more than ${MAX_POINTS} points`;
  return null;
}

/** Begins with a whole bucket, or a whole step, so that it holds at least `windowMs`. */
export function windowAt(nowMs: number, windowMs: number, stepMs: number | null, resolution: Resolution): MetricsWindow {
  return { resolution, fromMs: floorTo(nowMs - windowMs, stepMs === null ? resolution : stepMs / 1_000), toMs: nowMs, stepMs };
}

/** Where the window's buckets are: what has not been made coarse yet is read from finer ones. Nothing is in two of the parts. */
export function partsOf(
  { resolution, fromMs, toMs }: MetricsWindow,
  rolledUp: RolledUp,
): { resolution: Resolution; fromMs: number; toMs: number }[] {
  const coarsest = resolution === 3_600 ? clamp(rolledUp[3_600], fromMs, toMs) : fromMs;
  const middle = resolution === 10 ? fromMs : clamp(rolledUp[60], coarsest, toMs);
  return [
    { resolution: 3_600 as const, fromMs, toMs: coarsest },
    { resolution: 60 as const, fromMs: coarsest, toMs: middle },
    { resolution: 10 as const, fromMs: middle, toMs: toMs + 1 },
  ].filter((part) => part.fromMs < part.toMs);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
