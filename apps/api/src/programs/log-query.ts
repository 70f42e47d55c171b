import { DomainError } from '../http/domain-error.js';

const DEFAULT_TAIL = 1_000;
export const MAX_TAIL = 10_000;
/** `90s`, `15m`, `2h`, `7d`: so long ago. */
const AGO = /^(\d{1,6})(s|m|h|d)$/;
const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** RFC 3339 §5.6: date and time with an offset. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Which lines of a log are asked for. */
export interface LogQuery {
  /** The last so many lines. */
  tail: number;
  /** Nothing older. */
  since?: Date;
  /** Whether to go on with every new line. */
  follow: boolean;
}

/** 400 validation_failed. `now` in ms of the epoch. */
export function parseLogQuery({ tail, since, follow }: { tail?: unknown; since?: unknown; follow?: unknown }, now = Date.now()): LogQuery {
  const from = parseSince(since, now);
  return { tail: parseTail(tail), follow: parseFollow(follow), ...(from ? { since: from } : {}) };
}

function parseTail(value: unknown): number {
  if (value === undefined) return DEFAULT_TAIL;
  const tail = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (tail <= MAX_TAIL) return tail;
  throw invalid('tail', `must be a whole number from 0 to ${MAX_TAIL}`);
}

function parseSince(value: unknown, now: number): Date | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string') {
    const [, count, unit = ''] = AGO.exec(value) ?? [];
    if (count) return new Date(now - Number(count) * UNIT_MS[unit]!);
    if (TIME.test(value) && !Number.isNaN(Date.parse(value))) return new Date(value);
  }
  throw invalid('since', 'must be a time (2026-01-01T12:00:00Z) or how long ago (90s, 15m, 2h, 7d)');
}

function parseFollow(value: unknown): boolean {
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  throw invalid('follow', 'must be true or false');
}

function invalid(path: string, message: string): DomainError {
  return new DomainError('malformed', 'validation_failed', `${path} ${message}.`, { errors: [{ path, message }] });
}
