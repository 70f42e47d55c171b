import { AggregatorRegistry, type Registry } from 'prom-client';

interface Metric {
  type: string;
}

/**
 * Sums what workers have counted. What a worker last told is kept when it is gone, so that no sum of counts ever falls; gauges go with it.
 * (prom-client's own way of asking cluster workers forgets dead workers, and fails when one does not answer.)
 */
export class MetricsSum {
  #gone: object[] = [];

  /** `metrics`: the last that a worker told, as `Registry.getMetricsAsJSON` gives it. */
  retire(metrics: object[]): void {
    const counts = metrics.filter((metric) => (metric as Metric).type !== 'gauge');
    this.#gone = AggregatorRegistry.aggregate([this.#gone, counts]).getMetricsAsArray();
  }

  sum(living: object[][]): Registry {
    return AggregatorRegistry.aggregate([...living, this.#gone]);
  }
}
