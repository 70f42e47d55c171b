import type { Measured } from '../judgement/judge-window.js';
import type { Latency } from '../judgement/latency.js';
import type { Stage } from '../plan/plan.js';
import { STAGE_DEFAULTS } from '../plan/stage-defaults.js';

/** At most 1 % of the requests may fail, 99 % must be served. */
export function makeStage(changes: Partial<Stage> = {}): Stage {
  return {
    ...STAGE_DEFAULTS,
    name: 'stage',
    weightBp: 2_000,
    observeMs: 3_600_000,
    stability: { maxErrorRate: 0.01 },
    availability: { min: 0.99 },
    ...changes,
  };
}

export function measured(requests: number, errors = 0, changes: Partial<Measured> = {}): Measured {
  return { requests, errors, unserved: errors, latency: null, ...changes };
}

/** So many requests of each duration: `[[10, 990], [500, 10]]`. Durations ascending. */
export function latency(counts: readonly (readonly [ms: number, count: number])[]): Latency {
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  return {
    total,
    quantileMs: (q) => {
      let seen = 0;
      for (const [ms, count] of counts) {
        seen += count;
        if (count > 0 && seen >= Math.max(1, Math.ceil(q * total))) return ms;
      }
      return null;
    },
    slowerThan: (limit) => counts.reduce((sum, [ms, count]) => (ms > limit ? sum + count : sum), 0),
  };
}
