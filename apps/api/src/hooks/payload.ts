import type { ReleaseEvent, ReleasePlan, ReleaseState } from '@app-fabric/release';

/** What is told of a release. */
export interface ToldRelease {
  id: string;
  namespace: string;
  app: string;
  candidate: number;
  baseline: number;
  plan: ReleasePlan;
  state: ReleaseState;
}

/** An event with its place in the release's history. */
export interface ToldEvent extends ReleaseEvent {
  sequence: number;
  at: Date;
}

/** The body for a receiver of our own format. */
export function notificationBody(deliveryId: string, release: ToldRelease, event: ToldEvent): string {
  const { type, sequence, at, from, to, by, reason, evidence } = event;
  const told = { event: `release.${type}`, sequence, at: at.toISOString(), from, to, by: by ?? 'system', reason, evidence };
  return JSON.stringify({ deliveryId, ...told, release: toReleasePart(release) });
}

/** The body for a hook. */
export function hookBody(deliveryId: string, event: string, release: ToldRelease, nowMs: number): string {
  return JSON.stringify({ deliveryId, event, at: new Date(nowMs).toISOString(), release: toReleasePart(release) });
}

function toReleasePart({ id, namespace, app, candidate, baseline, plan, state }: ToldRelease): object {
  const { status, stageIndex, wanted, reason } = state;
  const stage = { index: stageIndex, name: plan.stages[stageIndex]?.name ?? null };
  return { id, namespace, app, candidate, baseline, status, stage, weight: wanted.candidateWeightBp / 100, reason };
}
