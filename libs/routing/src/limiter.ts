import type { Limit } from './routes.js';
import { TokenBucket } from './token-bucket.js';

/** How long to wait where that depends on other requests and not on the clock. */
const BUSY_RETRY_MS = 1_000;

/** Gives the limiter of this key, made new or as it was, brought to `limit`: what it has counted outlives a change of routes. */
export type MakeLimiter = (key: string, limit: Limit) => Limiter;

/** One service's or one version's rate and number of requests in flight. Counts also what it does not limit, so that a limit that is added later is true at once. */
export class Limiter {
  #bucket: TokenBucket | null = null;
  #maxInFlight = Number.POSITIVE_INFINITY;
  #inFlight = 0;

  /** `share`: the part of the limit that this process may use, in (0, 1]. */
  constructor(
    private limit: Limit,
    share: number,
  ) {
    this.configure(limit, share);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** 0 when a request may come in now; else in how many milliseconds it is worth another try. Changes nothing. */
  waitMs(nowMs: number): number {
    if (this.#inFlight >= this.#maxInFlight) return BUSY_RETRY_MS;
    return this.#bucket === null ? 0 : this.#bucket.waitMs(nowMs);
  }

  /** Only when {@link waitMs} has just said 0. */
  enter(nowMs: number): void {
    this.#inFlight += 1;
    this.#bucket?.take(nowMs);
  }

  leave(): void {
    this.#inFlight -= 1;
  }

  /**
   * A part of a request or of a burst is nothing, so every process gets at least one of each: only a limit below the number of processes
   * can be exceeded, and never by more than one for each of them. Requests in flight are rounded down, the rate is divided exactly.
   */
  configure(limit: Limit, share: number): void {
    this.limit = limit;
    const { requestsPerSecond, concurrent } = limit;
    this.#maxInFlight = concurrent === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(concurrent * share + 1e-9));
    if (requestsPerSecond === undefined) {
      this.#bucket = null;
      return;
    }
    const burst = Math.max(1, (limit.burst ?? Math.ceil(requestsPerSecond)) * share);
    if (this.#bucket === null) this.#bucket = new TokenBucket(requestsPerSecond * share, burst);
    else this.#bucket.configure(requestsPerSecond * share, burst);
  }

  setShare(share: number): void {
    this.configure(this.limit, share);
  }
}

/**
 * Asks a request's service and version, either of which may be unlimited, at once: what one of them refuses costs the other nothing.
 * 0: it is in, and {@link leave} has to follow with the same two. Else the milliseconds after which to try again (`Retry-After`).
 */
export function admit(service: Limiter | null, version: Limiter | null, nowMs: number): number {
  if (service === null && version === null) return 0;
  const waitMs = Math.max(service?.waitMs(nowMs) ?? 0, version?.waitMs(nowMs) ?? 0);
  if (waitMs > 0) return waitMs;
  service?.enter(nowMs);
  version?.enter(nowMs);
  return 0;
}

/** An admitted request is done. Safe after any change of routes: it lowers what it has raised. */
export function leave(service: Limiter | null, version: Limiter | null): void {
  service?.leave();
  version?.leave();
}
