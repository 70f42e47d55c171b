import type { ReleasePlan, Stage } from './plan.js';
import { STAGE_DEFAULTS } from './stage-defaults.js';

const HOUR_MS = 3_600_000;

/**
 * Initial, small-scale, medium and full canary. Until all traffic is on the candidate, a moderate anomaly takes its traffic away and a severe one
 * rolls back; from then on ("emergency rollback") either rolls back. The last stage keeps the limits of the one before and is watched for a day.
 */
export const STANDARD_PLAN: ReleasePlan = {
  stages: [
    stage({ name: 'initial', weightBp: 500, instances: { count: 1 }, observeMs: 2 * HOUR_MS }, 0.0001, 0.999),
    stage({ name: 'small-scale', weightBp: 2_000, instances: { count: 2 }, observeMs: 4 * HOUR_MS }, 0.00005, 0.9995),
    stage({ name: 'medium', weightBp: 5_000, instances: { percent: 50 }, observeMs: 8 * HOUR_MS }, 0.00001, 0.9998),
    {
      ...stage({ name: 'full', weightBp: 10_000, instances: { percent: 100 }, observeMs: 24 * HOUR_MS }, 0.00001, 0.9998),
      onAnomaly: { minor: 'extend', moderate: 'rollback', severe: 'rollback' },
    },
  ],
};

function stage(shape: Pick<Stage, 'name' | 'weightBp' | 'instances' | 'observeMs'>, maxErrorRate: number, minAvailability: number): Stage {
  return { ...STAGE_DEFAULTS, ...shape, stability: { maxErrorRate }, availability: { min: minAvailability } };
}
