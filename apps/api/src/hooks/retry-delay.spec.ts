import { HOOK_RETRIES, MAX_RETRY_AFTER_MS, mayRetry, NOTIFICATION_RETRIES, parseRetryAfter, retryDelayMs } from './retry-delay.js';

describe('rests between attempts', () => {
  const rests = (policy: typeof HOOK_RETRIES, random: number) =>
    Array.from({ length: policy.attempts - 1 }, (_, index) => retryDelayMs(index + 1, policy, random, null));

  it('double from the base up to the bound, and are at least half of that', () => {
    expect(rests(HOOK_RETRIES, 0)).toEqual([500, 1_000, 2_000, 4_000]);
    expect(rests(HOOK_RETRIES, 0.999_999)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(rests(NOTIFICATION_RETRIES, 0.5).at(-1)).toBe(1_350_000);
    expect(retryDelayMs(10_000, HOOK_RETRIES, 0.5, null)).toBe(6_000);
  });

  it('are as long as the receiver asks for, within a bound', () => {
    expect(retryDelayMs(1, HOOK_RETRIES, 0, 30_000)).toBe(30_000);
    expect(retryDelayMs(4, HOOK_RETRIES, 0, 1)).toBe(4_000);
    expect(retryDelayMs(1, HOOK_RETRIES, 0, 10 ** 12)).toBe(MAX_RETRY_AFTER_MS);
  });

  it('Retry-After is seconds or a date; what is neither counts for nothing', () => {
    const nowMs = Date.parse('Thu, 26 Nov 2026 10:00:00 GMT');
    expect(parseRetryAfter('120', nowMs)).toBe(120_000);
    expect(parseRetryAfter('Thu, 26 Nov 2026 10:01:00 GMT', nowMs)).toBe(60_000);
    expect(parseRetryAfter('Thu, 26 Nov 2026 09:00:00 GMT', nowMs)).toBe(0);
    for (const bad of [undefined, '', '-1', '1.5', 'soon', '2026-11-26', '99999999999']) expect(parseRetryAfter(bad, nowMs)).toBeNull();
  });

  it('what the receiver decided is not asked again', () => {
    expect([500, 502, 503, 599, 408, 425, 429].every(mayRetry)).toBe(true);
    expect([301, 302, 307, 400, 401, 404, 409, 410, 422].some(mayRetry)).toBe(false);
  });
});
