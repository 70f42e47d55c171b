import { DURATION_BOUNDS_SECONDS } from '@app-fabric/measurement';
import { Histogram, type Registry } from 'prom-client';
import type { Durations } from './durations.js';

export interface LabelledDurations {
  labels: Readonly<Record<string, string>>;
  durations: Durations;
}

/** Shows durations as a histogram of prom-client's, whose own observing looks labels up by a built string each time. */
export class DurationHistogram extends Histogram {
  constructor(
    private readonly about: { name: string; help: string; labelNames: readonly string[] },
    private readonly series: () => Iterable<LabelledDurations>,
    registry: Registry,
  ) {
    super({ ...about, buckets: [...DURATION_BOUNDS_SECONDS], registers: [registry] });
  }

  /** What prom-client makes of a histogram, for its text form and for `get`. */
  async getForPromString(): Promise<object> {
    const { name, help } = this.about;
    const values: object[] = [];
    for (const { labels: sharedLabels, durations } of this.series()) {
      const add = (metricName: string, labels: object, value: number) => values.push({ metricName, labels, sharedLabels, value });
      for (const { le, count } of durations.cumulative()) add(`${name}_bucket`, { le }, count);
      add(`${name}_sum`, {}, durations.sumSeconds);
      add(`${name}_count`, {}, durations.count);
    }
    return { name, help, type: 'histogram', aggregator: 'sum', values };
  }
}
