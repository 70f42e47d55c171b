import { instancesFor } from '@app-fabric/release';
import { isActive, type Run } from '../programs/run.js';
import type { Release } from './release.js';

/** How a service of a version stands. */
export interface ServiceStanding {
  name: string;
  /** The active run, else the last one; null: it never ran. */
  run: Run | null;
  /** Instances that requests are sent to. */
  ready: number;
  /** The control plane may start it. */
  canStart: boolean;
}

/** What is to be done so that what is wanted runs. Doing it twice does it once. */
export type Order =
  | { type: 'start'; version: number; service: string; instances: number | null }
  | { type: 'scale'; version: number; service: string; instances: number }
  | { type: 'stop'; version: number };

export interface Orders {
  orders: Order[];
  /** What does not run yet as it is wanted; null: all does. */
  missing: string | null;
  /** What is missing runs elsewhere: somebody else has to start it. */
  missingElsewhere: boolean;
  /** A service of the candidate that does not come to run by itself any more; null: none. */
  failure: string | null;
}

/** A service whose instances run elsewhere cannot be scaled from here: one that runs is enough. */
export function ordersFor(
  { state, candidate, baseline, base, progress }: Pick<Release, 'state' | 'candidate' | 'baseline' | 'base' | 'progress'>,
  standings: { candidate: readonly ServiceStanding[]; baseline: readonly ServiceStanding[] },
): Orders {
  const { wanted } = state;
  const found: Orders = { orders: [], missing: null, missingElsewhere: false, failure: null };
  if (!wanted.enforced) return found;
  if (wanted.candidate === 'stop') stop(found, candidate, standings.candidate);
  else if (!goesToZero(state))
    for (const service of taking(standings.candidate, base.instances)) {
      const of = standings.baseline.find(({ name }) => name === service.name);
      const { candidateInstances } = wanted;
      const count = candidateInstances && instancesFor(candidateInstances, instancesOf(of, base.instances[service.name] ?? 1));
      run(found, candidate, service, count, progress.enteredAtMs);
    }
  if (wanted.restoreBaseline)
    for (const service of standings.baseline) {
      const count = base.instances[service.name];
      if (count !== undefined) run(found, baseline, service, count, null);
    }
  return found;
}

/** The candidate's traffic is taken away. What of it runs stays, to be looked at; what does not run is not missed. */
export function goesToZero({ status }: Pick<Release['state'], 'status'>): boolean {
  return status === 'zeroed' || status === 'rolling_back';
}

/**
 * The candidate's services that a release is about: those that the baseline runs too, or all of them if it runs none of them; and whatever else
 * runs or can be started.
 */
export function taking(candidate: readonly ServiceStanding[], baseInstances: Readonly<Record<string, number>>): ServiceStanding[] {
  const shared = candidate.some(({ name }) => baseInstances[name] !== undefined);
  return candidate.filter((service) => {
    const isNeeded = !shared || baseInstances[service.name] !== undefined;
    return isNeeded || service.canStart || activeRun(service) !== null;
  });
}

/** The instances that a service has, or is to have where the control plane starts them. */
export function instancesOf(standing: ServiceStanding | undefined, otherwise: number): number {
  const run = standing && activeRun(standing);
  if (!standing || !run) return otherwise;
  return run.hostId === null ? Math.max(1, standing.ready) : run.desiredInstances;
}

export function activeRun({ run }: ServiceStanding): Run | null {
  return run && isActive(run.status) ? run : null;
}

/** @param failuresFromMs a run that failed since then is not started again; null: any is */
function run(found: Orders, version: number, service: ServiceStanding, count: number | null, failuresFromMs: number | null): void {
  const { name, ready, canStart } = service;
  const active = activeRun(service);
  if (active === null) {
    const { run: last } = service;
    if (failuresFromMs !== null && last?.status === 'FAILED' && (last.stoppedAt?.getTime() ?? 0) >= failuresFromMs) {
      found.failure ??= `${name} of version ${version} failed${last.error === null ? '' : `: ${last.error}`}`;
    } else if (canStart) found.orders.push({ type: 'start', version, service: name, instances: count });
    found.missingElsewhere ||= found.missing === null && !canStart;
    found.missing ??= `service ${name} of version ${version} does not run${canStart ? ' yet' : ', and cannot be started from here'}`;
    return;
  }
  if (active.status === 'STOPPING') {
    found.missing ??= `service ${name} of version ${version} is stopping`;
    return;
  }
  const least = active.hostId === null ? 1 : Math.max(count ?? 1, 1);
  if (active.hostId !== null && count !== null && active.desiredInstances < count)
    found.orders.push({ type: 'scale', version, service: name, instances: count });
  if (active.status !== 'RUNNING' || ready < least) {
    found.missing ??= `${ready} of ${least} instance${least > 1 ? 's' : ''} of service ${name} of version ${version} run`;
  }
}

function stop(found: Orders, version: number, services: readonly ServiceStanding[]): void {
  const active = services.flatMap((service) => activeRun(service) ?? []);
  if (active.length === 0) return;
  const isToStop = active.some(({ status }) => status !== 'STOPPING');
  found.missing = `version ${version} is ${isToStop ? 'to be stopped' : 'stopping'}`;
  if (isToStop) found.orders.push({ type: 'stop', version });
}
