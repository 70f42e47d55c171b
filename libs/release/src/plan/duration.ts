const UNITS_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/;

/** `"90s"`, `"2h"`, `"1d"`, `"500ms"`: one whole number and one unit. Null for anything else. */
export function parseDuration(value: unknown): number | null {
  const [, count, unit] = (typeof value === 'string' && DURATION.exec(value)) || [];
  return count === undefined ? null : Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS];
}

/** In the largest unit that leaves a whole number: `parseDuration` gives the same back. @param ms whole, not negative */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const found = Object.entries(UNITS_MS).find(([, unitMs]) => ms % unitMs === 0);
  return `${ms / (found?.[1] ?? 1)}${found?.[0] ?? 'ms'}`;
}
