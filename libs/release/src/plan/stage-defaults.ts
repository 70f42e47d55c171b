import type { ReleasePlan, Stage } from './plan.js';

/** What a stage has where its document does not say. */
export const STAGE_DEFAULTS = {
  instances: null,
  minRequests: 'auto',
  onAnomaly: { minor: 'extend', moderate: 'zero', severe: 'rollback' },
  approval: 'auto',
  maxExtensions: 3,
  severeFactor: 10,
  progressDeadlineMs: 600_000,
  hooks: {},
} as const satisfies Partial<Stage>;

/** A plan as an earlier release of this program has stored it: what was added to stages since is as if it were not said. */
export function withDefaults({ stages }: ReleasePlan): ReleasePlan {
  return { stages: stages.map((stage) => ({ ...STAGE_DEFAULTS, ...stage })) };
}

export const HOOK_TIMEOUT_MS = 10_000;
