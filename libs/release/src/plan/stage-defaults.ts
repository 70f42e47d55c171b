import type { Stage } from './plan.js';

/** What a stage has where its document does not say. */
export const STAGE_DEFAULTS = {
  instances: null,
  minRequests: 'auto',
  onAnomaly: { minor: 'extend', moderate: 'zero', severe: 'rollback' },
  approval: 'auto',
  maxExtensions: 3,
  severeFactor: 10,
  hooks: {},
} as const satisfies Partial<Stage>;

export const HOOK_TIMEOUT_MS = 10_000;
