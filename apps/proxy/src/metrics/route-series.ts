import { Histogram, type Registry } from 'prom-client';

const BOUNDS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** The requests of one route and version with one class of status: plain numbers, since every request ends here. */
export class RouteSeries {
  sumSeconds = 0;
  /** By the first bound that is not below the duration; the last one: above all bounds. */
  readonly #buckets = new Float64Array(BOUNDS_SECONDS.length + 1);

  constructor(readonly labels: Readonly<Record<string, string>>) {}

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

const NAME = 'http_server_request_duration_seconds';
const HELP = 'From the head of the request to the end of the answer.';

/** Shows series as a histogram of prom-client's, whose own observing looks labels up by a built string each time. */
export class DurationHistogram extends Histogram {
  constructor(
    private readonly series: () => Iterable<RouteSeries>,
    labelNames: readonly string[],
    registry: Registry,
  ) {
    super({
      name: NAME,
      help: HELP,
      labelNames,
      buckets: BOUNDS_SECONDS,
      registers: [registry],
    });
  }

  /** What prom-client makes of a histogram, for its text form and for `get`. */
  async getForPromString(): Promise<object> {
    const values: object[] = [];
    for (const one of this.series()) {
      const add = (metricName: string, labels: object, value: number) =>
        values.push({ metricName, labels, sharedLabels: one.labels, value });
      for (const { le, count } of one.cumulative()) add(`${NAME}_bucket`, { le }, count);
      add(`${NAME}_sum`, {}, one.sumSeconds);
      add(`${NAME}_count`, {}, one.count);
    }
    return { name: NAME, help: HELP, type: 'histogram', aggregator: 'sum', values };
  }
}
