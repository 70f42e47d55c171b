import type { ReleaseEvent, ReleasePlan, ReleaseState, StageJudgement } from '@app-fabric/release';
import type { Weights } from '@app-fabric/routing';

export interface AppRef {
  namespace: string;
  app: string;
}

/** A canary release of one version of an app. Times in milliseconds since 1970, by the database's clock. */
export interface Release extends AppRef {
  id: string;
  candidate: number;
  baseline: number;
  /** Null: the plan was given with the start. */
  planName: string | null;
  /** As it was when the release began. */
  plan: ReleasePlan;
  state: ReleaseState;
  revision: number;
  base: ReleaseBase;
  progress: ReleaseProgress;
  /** Given with the start. */
  reason: string | null;
  startedBy: string;
  startedAt: Date;
  /** Why it goes on although its namespace is frozen; null: it waits then, before it gives the candidate more traffic. */
  freezeOverride: string | null;
}

/** What there was before the release. */
export interface ReleaseBase {
  weights: Weights;
  /** Of the distribution. */
  revision: number;
  /** The baseline's services and how many instances each was to have. */
  instances: Readonly<Record<string, number>>;
}

/** What the engine has seen on its way, and whoever looks at a release wants to know. Plain JSON. */
export interface ReleaseProgress {
  /** Since when the candidate is to run as it is to now: what failed before does not count. */
  enteredAtMs: number;
  /** The change of routes that gave the app its present weights. */
  routed: RoutedWeights | null;
  /** The last time that the candidate's traffic was taken away. */
  zeroing: Zeroing | null;
  /** The last one that there was. */
  judgement: StageJudgement | null;
  /** Why it does not go on right now. */
  waitingFor: string | null;
}

interface RoutedWeights {
  routeRevision: number;
  /** Since when every live proxy routes by it; null: one does not yet. */
  appliedAtMs: number | null;
}

export interface Zeroing {
  /** It was decided. */
  requestedAtMs: number;
  /** The change of routes was written. */
  committedAtMs: number;
  routeRevision: number;
  /** Every live proxy has reported that it routes by it. */
  appliedAtMs: number | null;
  /** From the commit to the last of these reports. */
  tookMs: number | null;
  /** No request that the distribution sent has come to the candidate since. */
  confirmedAtMs: number | null;
  /** Requests that the distribution has sent to the candidate, and since when there are no more. */
  quiet: { weighted: number; sinceMs: number } | null;
}

/** An event with its place in the release's history. */
export interface StoredEvent extends ReleaseEvent {
  /** 1 and up, without gaps. */
  sequence: number;
  at: Date;
}
