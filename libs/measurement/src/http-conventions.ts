// What OpenTelemetry's semantic conventions say of metrics of HTTP.

/** Bounds of histograms of durations. */
export const DURATION_BOUNDS_SECONDS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** Any other method. */
export const OTHER_METHOD = '_OTHER';

/** Those of RFC 9110, and PATCH. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

/** As a label: a client must not invent values without end. */
export function knownMethod(method: string): string {
  return METHODS.has(method) ? method : OTHER_METHOD;
}
