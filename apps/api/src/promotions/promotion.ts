import type { VersionPlace } from '../apps/app.js';

/** Somebody's yes to a promotion into a stage that asks for it. */
export interface Approval {
  /** As the caller says. */
  by: string;
  comment: string | null;
}

export interface NewPromotion {
  app: string;
  from: VersionPlace;
  to: VersionPlace;
  pipeline: string;
  approval: Approval | null;
  freezeOverride: string | null;
  /** The principal of the call. */
  by: string;
  /** Whether it is to come into production, and by which plan. */
  plan: string | null;
}

export interface Promotion extends NewPromotion {
  id: number;
  at: Date;
}
