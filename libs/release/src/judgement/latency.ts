/** Durations of requests. `latencyOf` of libs/measurement makes one from a histogram. */
export interface Latency {
  /** How many were measured. */
  total: number;
  /** The smallest duration that a share `q` (0 to 1) does not exceed; null when none was measured. */
  quantileMs(q: number): number | null;
  /** How many took longer than `ms`. */
  slowerThan(ms: number): number;
}
