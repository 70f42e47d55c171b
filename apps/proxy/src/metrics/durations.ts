/** As OpenTelemetry's conventions advise for durations of HTTP requests. */
export const BOUNDS_SECONDS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** A histogram in plain numbers: every request ends here. */
export class Durations {
  sumSeconds = 0;
  /** By the first bound that is not below the duration; the last one: above all bounds. */
  readonly #buckets = new Float64Array(BOUNDS_SECONDS.length + 1);

  add(seconds: number): void {
    let bucket = 0;
    while (bucket < BOUNDS_SECONDS.length && seconds > BOUNDS_SECONDS[bucket]!) bucket++;
    this.#buckets[bucket]! += 1;
    this.sumSeconds += seconds;
  }

  get count(): number {
    return this.#buckets.reduce((sum, one) => sum + one, 0);
  }

  /** How many took at most so long, for each bound and for none. */
  cumulative(): { le: number | '+Inf'; count: number }[] {
    let count = 0;
    return Array.from(this.#buckets, (one, bucket) => {
      count += one;
      return { le: BOUNDS_SECONDS[bucket] ?? ('+Inf' as const), count };
    });
  }
}
