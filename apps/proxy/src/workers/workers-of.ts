import { DEFAULT_LIMITS, DEFAULT_MAX_IN_FLIGHT, DEFAULT_REQUEST_LOG } from '../config/read-settings.js';
import type { DataPathOptions } from '../data-path.js';

/** What each of the proxy's workers gets: its part of the bounds that are the proxy's as a whole, the rest as it is. */
export function workersOf(options: DataPathOptions & { workers?: number }): {
  count: number;
  dataPath: DataPathOptions;
  lameDuckMs: number;
} {
  const {
    basePath,
    trustForwarded,
    engine,
    maxInFlight = DEFAULT_MAX_IN_FLIGHT,
    outliers,
    metrics,
    shutdownGraceMs,
    workers: count = 1,
  } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { lameDuckMs } = limits;
  const part = (whole: number) => (whole === 0 ? 0 : Math.max(1, Math.floor(whole / count)));
  for (const bound of ['clientConnections', 'connectionsPerInstance', 'queuePerInstance'] as const) limits[bound] = part(limits[bound]);
  const linesPerSecond = options.requestLog?.linesPerSecond ?? DEFAULT_REQUEST_LOG.linesPerSecond;
  const requestLog = { ...options.requestLog, linesPerSecond: part(linesPerSecond) };
  const dataPath = {
    basePath,
    trustForwarded,
    engine,
    maxInFlight: part(maxInFlight),
    outliers,
    limits,
    requestLog,
    metrics,
    shutdownGraceMs,
  };
  // An option that is forgotten here would hold for one process only.
  return { count, lameDuckMs, dataPath: dataPath satisfies Record<keyof DataPathOptions, unknown> };
}
