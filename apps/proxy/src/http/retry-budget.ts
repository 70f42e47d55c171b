/** Share of further attempts among requests. */
const SHARE = 0.2;
/** What a proxy that has just started may spend. */
const START = 50;
/** How many may come at once: as many as can be in flight on one instance that dies (`connectionsPerInstance`). */
const BURST = 1_000;

/** Keeps retries from multiplying the load on instances that fail because of load: at most 20 % of the requests. */
export class RetryBudget {
  #tokens = START;

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
