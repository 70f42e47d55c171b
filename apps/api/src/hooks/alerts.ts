import type { ReleaseStatus } from '@app-fabric/release';
import type { ToldEvent, ToldRelease } from './payload.js';

/** Of Alertmanager's `POST /api/v2/alerts`. */
export interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
}

const HOUR_MS = 3_600_000;

interface Kind {
  name: string;
  severity: string;
  /** Alertmanager forgets what nobody repeats after some minutes; this lasts until it is taken back, and no longer than so. It never shortens what it has. */
  firesForMs: number;
}

const WEEK_MS = 7 * 24 * HOUR_MS;
/** The end of a release: nothing comes that could take it back. */
const ROLLED_BACK: Kind = { name: 'FabricReleaseRolledBack', severity: 'critical', firesForMs: HOUR_MS };

const ALERTS: Partial<Record<ReleaseStatus, Kind>> = {
  paused: { name: 'FabricReleasePaused', severity: 'warning', firesForMs: WEEK_MS },
  awaiting_approval: { name: 'FabricReleaseAwaitingApproval', severity: 'info', firesForMs: WEEK_MS },
  zeroed: { name: 'FabricReleaseZeroed', severity: 'critical', firesForMs: WEEK_MS },
  rolling_back: ROLLED_BACK,
  rolled_back: ROLLED_BACK,
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
  if (before && before.name !== after?.name) alerts.push(alert(release, event, { ...before, firesForMs: 0 }));
  if (after && wanted) alerts.push(alert(release, event, after));
  return alerts;
}

function alert(release: ToldRelease, { at, reason, to }: ToldEvent, { name, severity, firesForMs }: Kind): Alert {
  const { id, namespace, app, candidate, baseline, plan, state } = release;
  const stage = plan.stages[state.stageIndex]?.name ?? String(state.stageIndex);
  return {
    labels: { alertname: name, severity, namespace, app, release: id, candidate: String(candidate), baseline: String(baseline) },
    annotations: {
      summary: `Release of version ${candidate} of ${namespace}/${app} is ${to.replaceAll('_', ' ')} (stage ${stage})`,
      description: reason ?? '',
    },
    startsAt: at.toISOString(),
    endsAt: new Date(at.getTime() + firesForMs).toISOString(),
  };
}
