import { quantile, type SparseHistogram } from './histogram.js';
import { type Measures, requestsOf } from './measures.js';
import { STATUS_CLASSES } from './outcome.js';

/** Milliseconds; null: nothing was measured. */
export interface Percentiles {
  p50: number | null;
  p90: number | null;
  p99: number | null;
}

export interface Summary {
  requests: number;
  errors: number;
  /** Share of the requests that were errors (see `isError`), 0 to 1; null without requests. */
  errorRate: number | null;
  /** Share of the requests that got an answer other than an error, 0 to 1; null without requests. A client that left before its answer got none. */
  availability: number | null;
  ratePerSecond: number;
  latencyMs: Percentiles;
  upstreamLatencyMs: Percentiles;
  /** `{"2xx": 5}`: only classes that occurred. */
  byStatus: Record<string, number>;
  byProxyError: Record<string, number>;
}

/** @param seconds the time that the measures were taken in, above 0 */
export function summarize(measures: Measures, seconds: number): Summary {
  const requests = requestsOf(measures);
  const { errors, status } = measures;
  const unanswered = status[0] ?? 0;
  const byStatus = STATUS_CLASSES.map((name, index): [string, number] => [name, status[index] ?? 0]).filter(([, count]) => count > 0);
  return {
    requests,
    errors,
    errorRate: requests === 0 ? null : errors / requests,
    availability: requests === 0 ? null : (requests - errors - unanswered) / requests,
    ratePerSecond: requests / seconds,
    latencyMs: percentiles(measures.latency),
    upstreamLatencyMs: percentiles(measures.upstream),
    byStatus: Object.fromEntries(byStatus),
    byProxyError: { ...measures.proxyErrors },
  };
}

function percentiles(histogram: SparseHistogram): Percentiles {
  const at = (q: number) => {
    const us = quantile(histogram, q);
    return us === null ? null : us / 1_000;
  };
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}
