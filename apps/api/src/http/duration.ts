const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `"90s"`, `"5m"`, `"2h"`, `"1d"` in milliseconds; null for anything else. */
export function parseDuration(text: unknown): number | null {
  const match = typeof text === 'string' ? /^([1-9]\d{0,6})([smhd])$/.exec(text) : null;
  return match === null ? null : Number(match[1]) * UNIT_MS[match[2]!]!;
}
