import type { Weights } from '@app-fabric/routing';

/** Who made a distribution what it is: a call of the API, or a rule of the product. */
export const DISTRIBUTION_SOURCES = ['api', 'rollback', 'zero', 'first_version', 'stop', 'failure', 'release'] as const;
export type DistributionSource = (typeof DISTRIBUTION_SOURCES)[number];

/** One scope of an app: `''` is the app itself, anything else a service that overrides it. */
export interface DistributionScope {
  namespace: string;
  app: string;
  service: string;
}

export interface DistributionRevision {
  revision: number;
  /** null: this revision removed the distribution. */
  weights: Weights | null;
  updatedAt: Date;
  updatedBy: string;
  source: DistributionSource;
  reason: string | null;
  routeRevision: number;
}

/** Why and by whom a change is made. */
export interface ChangeAuthor {
  by: string;
  source: DistributionSource;
  reason: string | null;
}
