/** Share of further attempts among requests, and how many may come at once after a quiet time. */
const SHARE = 0.2;
const BURST = 50;

/** Keeps retries from multiplying the load on instances that fail because of load: at most 20 % of the requests. */
export class RetryBudget {
  #tokens = BURST;

  requestStarted(): void {
    this.#tokens = Math.min(BURST, this.#tokens + SHARE);
  }

  /** True when one more attempt is granted; it is spent by this call. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
