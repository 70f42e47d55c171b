import { Histogram } from './histogram.js';
import type { Measures } from './measures.js';
import { ANSWER_CUT, isError, statusClass } from './outcome.js';

/** How a request ended. */
export interface Ended {
  /** Sent to the client; 0: it left before an answer. */
  status: number;
  /** Code of the answer that the proxy made itself. */
  proxyError: string | null;
  /** The instance broke its answer off. */
  cut: boolean;
  bytesIn: number;
  bytesOut: number;
  /** Milliseconds. */
  latencyMs: number;
  /** Null: it went to no instance. */
  upstreamMs: number | null;
}

/** More codes than there are; what comes beyond is counted as `other`. */
const MAX_CODES = 64;

/** Cumulative counters of one version or instance, for the hot path: nothing is allocated for a request without failure. */
export class Meter {
  inFlight = 0;
  /** Requests that have ended: whoever wants to know whether anything has changed looks at this. */
  ended = 0;
  /** Requests that the distribution sent here: as they begin. */
  weighted = 0;
  private readonly status = new Float64Array(6);
  private readonly proxyErrors = new Map<string, number>();
  private readonly latency = new Histogram();
  private readonly upstream = new Histogram();
  private errors = 0;
  private bytesIn = 0;
  private bytesOut = 0;

  /** True when it was an error. */
  end({ status, proxyError, cut, bytesIn, bytesOut, latencyMs, upstreamMs }: Ended): boolean {
    const failure = cut ? ANSWER_CUT : proxyError;
    this.ended += 1;
    this.status[statusClass(status)]! += 1;
    this.bytesIn += bytesIn;
    this.bytesOut += bytesOut;
    this.latency.record(toUs(latencyMs));
    if (upstreamMs !== null) this.upstream.record(toUs(upstreamMs));
    if (failure !== null) this.countFailure(failure);
    const error = isError(status, failure);
    if (error) this.errors += 1;
    return error;
  }

  read(): Measures {
    return {
      status: [...this.status],
      errors: this.errors,
      proxyErrors: Object.fromEntries(this.proxyErrors),
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      weighted: this.weighted,
      latency: this.latency.read(),
      upstream: this.upstream.read(),
    };
  }

  private countFailure(code: string): void {
    const known = this.proxyErrors.has(code) || this.proxyErrors.size < MAX_CODES ? code : 'other';
    this.proxyErrors.set(known, (this.proxyErrors.get(known) ?? 0) + 1);
  }
}

function toUs(ms: number): number {
  return ms > 0 ? Math.round(ms * 1_000) : 0;
}
