export interface RetryPolicy {
  /** The first one included. */
  attempts: number;
  /** After the first failure; twice as long after each further one. */
  baseMs: number;
  maxMs: number;
}

/** Somebody waits for these. Four rests of at most 8 s. */
export const HOOK_RETRIES: RetryPolicy = { attempts: 5, baseMs: 1_000, maxMs: 8_000 };
/** Over an hour in all. */
export const NOTIFICATION_RETRIES: RetryPolicy = { attempts: 12, baseMs: 2_000, maxMs: 1_800_000 };
/** A receiver cannot ask for longer. */
export const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * How long to rest after so many failures: exponential, the upper half of it random, so that many that failed together do not come together
 * again; never shorter than the receiver asks for. @param random in [0, 1)
 */
export function retryDelayMs(failures: number, { baseMs, maxMs }: RetryPolicy, random: number, retryAfterMs: number | null): number {
  const backOffMs = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 40));
  const restMs = Math.round(backOffMs / 2 + (backOffMs / 2) * random);
  return Math.max(restMs, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
}

/** RFC 9110 §10.2.3: seconds, or a date. Null: absent, or neither. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | null {
  if (value === undefined) return null;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const atMs = /^[A-Z][a-z]{2}, /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}

/** Answers after which the same again may succeed; every other one but 2xx is a decision of the receiver. */
export function mayRetry(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429;
}
