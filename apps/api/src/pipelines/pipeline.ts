/** What requests to a version must have looked like while it ran in a stage. Absent: it does not matter. */
export interface MetricCriteria {
  /** Fraction of the requests. */
  maxErrorRate?: number;
  /** Fraction of the requests. */
  minAvailability?: number;
  /** Fewer show nothing. */
  minRequests?: number;
  maxLatencyMs?: { p50?: number; p99?: number };
}

export interface Stage {
  namespace: string;
  /** How long a version runs here before it moves on, e.g. `1d`; null: no matter how long. */
  minSoak: string | null;
  criteria: {
    metrics: MetricCriteria;
    /** Validations by these names must have passed here. */
    checks: string[];
  };
  /** Nothing comes in without an approval. */
  requiresApproval: boolean;
  /** The plan of the canary release by which a version comes in, when the namespace is a production environment; null: the standard one. */
  plan: string | null;
}

export interface PipelineContent {
  description: string | null;
  /** A version moves from each to the next. */
  stages: Stage[];
}

export interface Pipeline extends PipelineContent {
  name: string;
  revision: number;
  createdAt: Date;
  updatedAt: Date;
  updatedBy: string;
}

/** Always there; what promotions follow that name no other. */
export const DEFAULT_PIPELINE = 'default';
