import { DURATION_BOUNDS_SECONDS as BOUNDS_SECONDS } from '@app-fabric/measurement';

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
