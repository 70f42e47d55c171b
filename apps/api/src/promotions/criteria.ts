import type { Rejection } from '../apps/app.js';
import { parseDuration } from '../http/duration.js';
import type { Stage } from '../pipelines/pipeline.js';
import type { ValidationResult } from '../validations/validation.js';

/** A time in which a program of the version ran. */
export interface Interval {
  from: Date;
  /** Null: it still runs. */
  to: Date | null;
}

/** What was counted of the version while it ran; null where nothing was. */
export interface MeasuredTraffic {
  requests: number;
  errorRate: number | null;
  availability: number | null;
  latencyMs: { p50: number | null; p99: number | null };
}

/** What is known of a version in the stage that it is to leave. */
export interface PromotionFacts {
  ran: readonly Interval[];
  /** Null: it never ran, so nothing can have been counted. */
  traffic: MeasuredTraffic | null;
  /** Check → its last result. */
  checks: ReadonlyMap<string, ValidationResult>;
  rejection: Rejection | null;
  approved: boolean;
}

/** One thing that keeps a version from moving on. */
export interface Missing {
  /** Where it is said in the stage, e.g. `minSoak`, `metrics.maxErrorRate`, `checks.functional`; `rejection`: it is back in development. */
  criterion: string;
  wanted: string | number | boolean;
  /** Null: nothing is known, which is neither good nor bad, and not enough. */
  actual: string | number | boolean | null;
}

/**
 * What a version still lacks to move on from `stage` to `next`; nothing: it may. Pure. What was not measured is not met: a version without requests
 * has shown no error rate. In the order of the stage's fields, the rejection first.
 */
export function missingFor(stage: Stage, next: Pick<Stage, 'requiresApproval'>, facts: PromotionFacts, now: Date): Missing[] {
  const { metrics, checks } = stage.criteria;
  const { traffic, rejection } = facts;
  const missing: Missing[] = [];
  const want = (met: boolean, criterion: string, wanted: Missing['wanted'], actual: Missing['actual']) => {
    if (!met) missing.push({ criterion, wanted, actual });
  };
  const atMost = (criterion: string, max: number | undefined, actual: number | null | undefined) => {
    if (max !== undefined) want(typeof actual === 'number' && actual <= max, `metrics.${criterion}`, max, actual ?? null);
  };
  const atLeast = (criterion: string, min: number | undefined, actual: number | null | undefined) => {
    if (min !== undefined) want(typeof actual === 'number' && actual >= min, `metrics.${criterion}`, min, actual ?? null);
  };

  if (rejection) want(false, 'rejection', 'no failed validation', `${rejection.check} failed in ${rejection.namespace}`);
  const soakMs = soakOf(facts.ran, now);
  if (stage.minSoak !== null)
    want(soakMs >= (parseDuration(stage.minSoak) ?? 0), 'minSoak', stage.minSoak, `${Math.floor(soakMs / 1_000)}s`);
  atMost('maxErrorRate', metrics.maxErrorRate, traffic?.errorRate);
  atLeast('minAvailability', metrics.minAvailability, traffic?.availability);
  atLeast('minRequests', metrics.minRequests, traffic?.requests ?? 0);
  atMost('maxLatencyMs.p50', metrics.maxLatencyMs?.p50, traffic?.latencyMs.p50);
  atMost('maxLatencyMs.p99', metrics.maxLatencyMs?.p99, traffic?.latencyMs.p99);
  for (const check of checks) {
    const result = facts.checks.get(check) ?? null;
    want(result === 'passed', `checks.${check}`, 'passed', result);
  }
  if (next.requiresApproval) want(facts.approved, 'approval', true, facts.approved);
  return missing;
}

/** How long anything of it ran, in milliseconds: what overlaps counts once, and what is to come not at all. */
export function soakOf(ran: readonly Interval[], now: Date): number {
  const ordered = ran
    .map(({ from, to }) => ({ fromMs: from.getTime(), toMs: Math.min((to ?? now).getTime(), now.getTime()) }))
    .sort((a, b) => a.fromMs - b.fromMs);
  let soakMs = 0;
  let countedUpToMs = Number.NEGATIVE_INFINITY;
  for (const { fromMs, toMs } of ordered) {
    soakMs += Math.max(0, toMs - Math.max(fromMs, countedUpToMs));
    countedUpToMs = Math.max(countedUpToMs, toMs);
  }
  return soakMs;
}
