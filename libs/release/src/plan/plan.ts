export interface ReleasePlan {
  stages: Stage[];
}

export interface Stage {
  name: string;
  /** The candidate's share of the traffic, above 0, never below that of the stage before. */
  weightBp: number;
  /** What the candidate is scaled to before its weight is raised; null: its instances stay as they are. */
  instances: InstanceRule | null;
  observeMs: number;
  stability: StabilityCriteria;
  /** Fraction of the requests that must be served, below 1. */
  availability: { min: number };
  /** Fewer requests than this are too little to pass. `auto`: as many as resolve the threshold. */
  minRequests: 'auto' | number;
  onAnomaly: AnomalyResponses;
  /** `manual`: having passed, the stage waits until somebody approves going on. */
  approval: 'auto' | 'manual';
  /** The observation is extended so many times by itself, each time by `observeMs`; then the release pauses. */
  maxExtensions: number;
  /** So many times the threshold is far over it: severe. */
  severeFactor: number;
  /** What the stage asks for (instances, weights on all proxies) is there after so long; else the release pauses. Watched time only. */
  progressDeadlineMs: number;
  hooks: StageHooks;
}

/** A number of instances, or a percentage of the baseline's instances (rounded up, at least one). */
export type InstanceRule = { count: number } | { percent: number };

export interface StabilityCriteria {
  /** Fraction of the requests, above 0 and below 1. */
  maxErrorRate: number;
  maxLatencyMs?: { p50?: number; p99?: number };
  /** The candidate's p50 and p99 are at most so many times the baseline's over the same time. */
  maxLatencyRatio?: number;
}

/** `extend`: the stage is not left while it lasts. A response other than `extend` to `minor` comes at the end of the observation. */
export type AnomalyResponse = 'extend' | 'pause' | 'zero' | 'rollback';

export interface AnomalyResponses {
  minor: AnomalyResponse;
  moderate: AnomalyResponse;
  severe: AnomalyResponse;
}

export type HookPoint = 'before' | 'afterPromotion' | 'afterZeroing' | 'afterRollback';
export type StageHooks = Partial<Record<HookPoint, Hook[]>>;
/** A signed webhook, or a flow of the candidate. */
export type Hook = { type: 'webhook'; url: string; timeoutMs: number } | { type: 'flow'; name: string; timeoutMs: number };

/** How many instances the rule asks for. */
export function instancesFor(rule: InstanceRule, baselineInstances: number): number {
  if ('count' in rule) return rule.count;
  return Math.max(1, Math.ceil((baselineInstances * rule.percent) / 100));
}
