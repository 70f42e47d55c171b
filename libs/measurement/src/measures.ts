import { addHistograms, type SparseHistogram, subtractHistograms } from './histogram.js';

/** What was counted of requests that have ended. Adds up over time, proxies, instances and versions. As sent and stored: plain JSON. */
export interface Measures {
  /** By `STATUS_CLASSES`; their sum is the number of requests. */
  status: number[];
  /** See `isError`. */
  errors: number;
  /** What the proxy made itself, by its code. */
  proxyErrors: Record<string, number>;
  /** Bytes of bodies. */
  bytesIn: number;
  bytesOut: number;
  /** Requests that the distribution sent here (by weight or affinity), counted when they go to an instance, not when they end. */
  weighted: number;
  /** From the head of the request to the end of the answer. */
  latency: SparseHistogram;
  /** The last attempt at an instance, from its begin to the end of the answer. Only requests that went to an instance. */
  upstream: SparseHistogram;
}

export function noMeasures(): Measures {
  return {
    status: [0, 0, 0, 0, 0, 0],
    errors: 0,
    proxyErrors: {},
    bytesIn: 0,
    bytesOut: 0,
    weighted: 0,
    latency: { sumUs: 0, counts: [] },
    upstream: { sumUs: 0, counts: [] },
  };
}

export function requestsOf({ status }: Measures): number {
  return status.reduce((sum, count) => sum + count, 0);
}

export function addMeasures(a: Measures, b: Measures): Measures {
  return {
    status: a.status.map((count, index) => count + (b.status[index] ?? 0)),
    errors: a.errors + b.errors,
    proxyErrors: combine(a.proxyErrors, b.proxyErrors, 1),
    bytesIn: a.bytesIn + b.bytesIn,
    bytesOut: a.bytesOut + b.bytesOut,
    weighted: weightedOf(a) + weightedOf(b),
    latency: addHistograms(a.latency, b.latency),
    upstream: addHistograms(a.upstream, b.upstream),
  };
}

/** What was counted since `before`. Null when `now` cannot have come from it: counters of one source never go down. */
export function subtractMeasures(now: Measures, before: Measures): Measures | null {
  const latency = subtractHistograms(now.latency, before.latency);
  const upstream = subtractHistograms(now.upstream, before.upstream);
  if (latency === null || upstream === null) return null;
  const status = now.status.map((count, index) => count - (before.status[index] ?? 0));
  const proxyErrors = combine(now.proxyErrors, before.proxyErrors, -1);
  const errors = now.errors - before.errors;
  const bytesIn = now.bytesIn - before.bytesIn;
  const bytesOut = now.bytesOut - before.bytesOut;
  const weighted = weightedOf(now) - weightedOf(before);
  const all = [...status, ...Object.values(proxyErrors), errors, bytesIn, bytesOut, weighted];
  return all.some((count) => count < 0) ? null : { status, errors, proxyErrors, bytesIn, bytesOut, weighted, latency, upstream };
}

/** What was stored before they were counted has none. */
function weightedOf({ weighted }: Partial<Measures>): number {
  return weighted ?? 0;
}

/** Codes are own fields of the result only: a code may be called what every object has. */
function combine(a: Record<string, number>, b: Record<string, number>, sign: 1 | -1): Record<string, number> {
  const sums = new Map(Object.entries(a));
  for (const [code, count] of Object.entries(b)) sums.set(code, (sums.get(code) ?? 0) + sign * count);
  return Object.fromEntries([...sums].filter(([, count]) => count !== 0));
}
