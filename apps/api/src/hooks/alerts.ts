import type { ReleaseStatus } from '@app-fabric/release';
import type { ToldEvent, ToldRelease } from './payload.js';

/** Of Alertmanager's `POST /api/v2/alerts`. */
export interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
}

/** Alertmanager forgets an alert that nobody repeats; ours last until they are taken back, and no longer than this. */
const FIRING_MS = 7 * 86_400_000;
/** A rollback is the end of a release: nothing comes that could take it back. */
const ROLLED_BACK_MS = 3_600_000;

const ALERTS: Partial<Record<ReleaseStatus, { name: string; severity: string }>> = {
  paused: { name: 'FabricReleasePaused', severity: 'warning' },
  awaiting_approval: { name: 'FabricReleaseAwaitingApproval', severity: 'info' },
  zeroed: { name: 'FabricReleaseZeroed', severity: 'critical' },
  rolling_back: { name: 'FabricReleaseRolledBack', severity: 'critical' },
  rolled_back: { name: 'FabricReleaseRolledBack', severity: 'critical' },
};

/**
 * What an event is to an alert manager: a status that somebody should look at fires, having left it resolves. None for what is neither. An alert is the
 * same one as long as its labels are, so they say which release it is and nothing that changes.
 * @param wanted whether the event may fire; what has fired is resolved all the same
 */
export function alertsOf(release: ToldRelease, event: ToldEvent, wanted: boolean): Alert[] {
  const before = event.from === event.to ? undefined : ALERTS[event.from];
  const after = ALERTS[event.to];
  const alerts: Alert[] = [];
  if (before && before.name !== after?.name) alerts.push(alert(release, event, before, 0));
  if (after && wanted) alerts.push(alert(release, event, after, event.to === 'rolled_back' ? ROLLED_BACK_MS : FIRING_MS));
  return alerts;
}

function alert(
  release: ToldRelease,
  { at, reason, to }: ToldEvent,
  { name, severity }: { name: string; severity: string },
  forMs: number,
): Alert {
  const { id, namespace, app, candidate, baseline, plan, state } = release;
  const stage = plan.stages[state.stageIndex]?.name ?? String(state.stageIndex);
  return {
    labels: { alertname: name, severity, namespace, app, release: id, candidate: String(candidate), baseline: String(baseline) },
    annotations: {
      summary: `Release of version ${candidate} of ${namespace}/${app} is ${to.replaceAll('_', ' ')} (stage ${stage})`,
      description: reason ?? '',
    },
    startsAt: at.toISOString(),
    endsAt: new Date(at.getTime() + forMs).toISOString(),
  };
}
