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
  /** Null: not a production environment, or nothing to start. */
  entry: Entry | null;
}

/** How a version came into production: by a canary release, or, where nothing ran, by just being started. */
export type Entry = { type: 'release'; releaseId: string } | { type: 'start'; releaseId: null };

export interface Promotion extends NewPromotion {
  id: number;
  at: Date;
}
