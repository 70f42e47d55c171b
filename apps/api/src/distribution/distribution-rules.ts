import { effectiveWeights, reallocate, TOTAL_BP, type Weights, zeroVersion } from '@app-fabric/routing';

/**
 * What the rules of distributions need to know of one app: what is stored, and what runs.
 * Stored weights hold only versions above 0; a version that is not in the map has 0.
 */
export interface DistributionView {
  /** The app's own distribution; null: none. */
  app: Weights | null;
  /** Overrides by service. */
  overrides: ReadonlyMap<string, Weights>;
  /** Service → the versions in which it runs. */
  running: ReadonlyMap<string, ReadonlySet<number>>;
}

/** Scope → its new weights; null removes the distribution. `''` is the app's own. Scopes that are not named stay as they are. */
export type DistributionChanges = ReadonlyMap<string, Weights | null>;

type RuleRefusal = { code: 'no_weight_to_take_over' | 'version_not_running'; detail: string };
export type RuleResult = { ok: true; changes: DistributionChanges } | { ok: false; refusal: RuleRefusal };

const APP = '';

/** The versions of which any service runs. */
export function runningVersions(view: Pick<DistributionView, 'running'>): Set<number> {
  const versions = new Set<number>();
  for (const running of view.running.values()) for (const version of running) versions.add(version);
  return versions;
}

/** What a service really follows: its override, else the app's weights, restricted to where it runs. null: no distribution. */
export function followedBy(view: DistributionView, service: string): Weights | null {
  const stored = view.overrides.get(service) ?? view.app;
  return stored && effectiveWeights(stored, view.running.get(service) ?? new Set());
}

/** Rule 1: the first version of a service to run while there is no distribution gets 100; every later one starts at 0. */
export function changesWhenRunning(view: DistributionView, service: string, version: number): DistributionChanges {
  const alone = runningVersions(view).size === 0;
  if (view.app !== null || view.overrides.has(service) || !alone) return new Map();
  return new Map([[APP, new Map([[version, TOTAL_BP]])]]);
}

/**
 * Rules 2 and 3: what becomes of the weights when these services of `version` stop.
 * `moveTo` is the caller's `reallocate`: it takes the place of the proportional rule in every scope that changes.
 */
export function changesWhenStopping(
  view: DistributionView,
  version: number,
  services: readonly string[],
  moveTo: Weights | null,
): RuleResult {
  const after = without(view.running, version, services);
  const versionsAfter = runningVersions({ running: after });
  if (moveTo) {
    const idle = [...moveTo].filter(([target, weight]) => weight > 0 && !versionsAfter.has(target)).map(([target]) => target);
    if (idle.length > 0) return refuse('version_not_running', `reallocate gives weight to ${list(idle)}, which will not be running.`);
  }
  const changes = new Map<string, Weights | null>();

  for (const service of services) {
    const override = view.overrides.get(service);
    if (!override) continue;
    const left = after.get(service) ?? new Set();
    if (left.size === 0) changes.set(service, null);
    else if (override.has(version) || moveTo) {
      if (moveTo && effectiveWeights(moveTo, left).size === 0) return refuse('version_not_running', goesNowhere(service, moveTo));
      const moved = moveTo ?? reallocate(override, version, left);
      if (!moved) return refuse('no_weight_to_take_over', nobodyLeft(version, service));
      changes.set(service, positive(moved));
    }
  }

  let app = view.app;
  if (app && versionsAfter.size === 0) {
    changes.set(APP, null);
    app = null;
  } else if (app && !versionsAfter.has(version) && (app.has(version) || moveTo)) {
    const moved = moveTo ?? reallocate(app, version, versionsAfter);
    if (!moved) return refuse('no_weight_to_take_over', nobodyLeft(version, null));
    app = positive(moved);
    changes.set(APP, app);
  }

  // Services that follow the app's weights: one that had somewhere to go must still have.
  for (const service of services) {
    const left = after.get(service) ?? new Set();
    if (!app || left.size === 0 || view.overrides.has(service)) continue;
    const before = followedBy(view, service);
    if (!before?.has(version) || effectiveWeights(app, left).size > 0) continue;
    if (!moveTo) return refuse('no_weight_to_take_over', nobodyLeft(version, service));
    if (effectiveWeights(moveTo, left).size === 0) return refuse('version_not_running', goesNowhere(service, moveTo));
    changes.set(service, positive(moveTo));
  }
  return { ok: true, changes };
}

/** A version to 0, its share to the others that run, in proportion (zeroing; it goes on running). */
export function changesWhenZeroing(view: DistributionView, scope: string, version: number): RuleResult {
  const stored = scope === APP ? view.app : (view.overrides.get(scope) ?? view.app);
  if (!stored?.has(version)) return { ok: true, changes: new Map() };
  const eligible = scope === APP ? runningVersions(view) : new Set(view.running.get(scope));
  const moved = zeroVersion(stored, version, eligible);
  if (!moved) return refuse('no_weight_to_take_over', nobodyLeft(version, scope === APP ? null : scope));
  return { ok: true, changes: new Map([[scope, positive(moved)]]) };
}

/** Versions with weight that do not run in this scope; such a distribution is refused (409 version_not_running). */
export function idleVersions(view: Pick<DistributionView, 'running'>, scope: string, weights: Weights): number[] {
  const running = scope === APP ? runningVersions(view) : (view.running.get(scope) ?? new Set());
  return [...weights].filter(([version, weight]) => weight > 0 && !running.has(version)).map(([version]) => version);
}

/** The form in which weights are stored: versions above 0 only. */
export function positive(weights: Weights): Weights {
  return new Map([...weights].filter(([, weight]) => weight > 0));
}

function without(running: DistributionView['running'], version: number, services: readonly string[]): Map<string, Set<number>> {
  const after = new Map<string, Set<number>>();
  for (const [service, versions] of running) {
    const left = new Set(versions);
    if (services.includes(service)) left.delete(version);
    if (left.size > 0) after.set(service, left);
  }
  return after;
}

function refuse(code: RuleRefusal['code'], detail: string): RuleResult {
  return { ok: false, refusal: { code, detail } };
}

function nobodyLeft(version: number, service: string | null): string {
  const where = service === null ? 'The other running versions' : `The other running versions of service ${service}`;
  return `${where} all have 0 %: nobody can take over the share of version ${version}. Say where it goes with reallocate, e.g. {"reallocate":{"2":100}}.`;
}

function goesNowhere(service: string, moveTo: Weights): string {
  return `reallocate gives weight to ${list([...positive(moveTo).keys()])} only, in which service ${service} will not be running.`;
}

function list(versions: readonly number[]): string {
  return `version${versions.length > 1 ? 's' : ''} ${versions.join(', ')}`;
}
