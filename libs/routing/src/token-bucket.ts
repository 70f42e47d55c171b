const MS_PER_SECOND = 1_000;
/** Sums of fractions may miss a whole token by a little; what a request takes is a whole one all the same. */
const ENOUGH = 1 - 1e-6;
/** Waits aim a little above what is enough, or rounding could make them one millisecond too short. */
const AIM = 1 - 1e-7;

/**
 * A rate with bursts: tokens come in at `ratePerSecond` up to `burst`, each request takes one. Full at first. In any stretch of t seconds
 * it lets at most `burst + t × ratePerSecond` requests through. The clock is an argument; one that goes back stands still here.
 */
export class TokenBucket {
  #ratePerSecond: number;
  #burst: number;
  #tokens: number;
  #filledAtMs: number | null = null;

  /** `ratePerSecond` > 0, `burst` ≥ 1. */
  constructor(ratePerSecond: number, burst: number) {
    this.#ratePerSecond = ratePerSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** 0 and a token is taken, or in how many milliseconds there will be one. */
  take(nowMs: number): number {
    const waitMs = this.waitMs(nowMs);
    if (waitMs === 0) this.#tokens -= 1;
    return waitMs;
  }

  /** As {@link take}, but takes nothing. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    if (this.#tokens >= ENOUGH) return 0;
    return Math.ceil(((AIM - this.#tokens) / this.#ratePerSecond) * MS_PER_SECOND);
  }

  /** What was taken stays taken; tokens above the new burst are lost. */
  configure(ratePerSecond: number, burst: number): void {
    this.#ratePerSecond = ratePerSecond;
    this.#burst = burst;
    this.#tokens = Math.min(this.#tokens, burst);
  }

  #fill(nowMs: number): void {
    const elapsedMs = nowMs - (this.#filledAtMs ?? nowMs);
    if (elapsedMs < 0) return;
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsedMs / MS_PER_SECOND) * this.#ratePerSecond);
  }
}
