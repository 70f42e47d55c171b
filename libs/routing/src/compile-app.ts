import type { CompiledApp, CompiledService, CompiledVersion, RouteChoice, Split } from './compiled.js';
import { effectiveWeights } from './reallocate.js';
import type { AppRoutes, Fallback, InstanceRef, ServiceRoutes } from './routes.js';
import { compileSplit, type Share } from './split.js';
import { isVersion } from './version.js';
import { fromRecord, type Weights } from './weights.js';

/** Makes the caller's own object for an instance, or gives back the one it has: a connection pool outlives a change of weights. */
export type MakeInstance<I> = (ref: InstanceRef, version: number, service: string) => I;

/** Routes that contradict themselves. The whole app is refused. */
export class InvalidRoutesError extends Error {
  readonly code = 'invalid_routes';
  override readonly name = 'InvalidRoutesError';
}

/**
 * Works out on a change everything that a request would have to. The shape of `routes` is trusted (whoever received it has parsed
 * it); what contradicts itself throws {@link InvalidRoutesError}, bad weights throw InvalidWeightsError, and `makeInstance` is not
 * called before all of that was checked.
 */
export function compileApp<I>(routes: AppRoutes, makeInstance: MakeInstance<I>): CompiledApp<I> {
  const artifactOf = artifactsByVersion(routes);
  checkServices(routes, artifactOf);
  const appWeights = routes.weights === null ? null : fromRecord(routes.weights);
  const weightsOf = new Map(routes.services.map(({ name, weights }) => [name, weights === null ? appWeights : fromRecord(weights)]));
  const services = new Map<string, CompiledService<I>>();
  for (const service of routes.services) {
    services.set(service.name, compileService(routes, service, weightsOf.get(service.name) ?? null, artifactOf, makeInstance));
  }
  return {
    namespace: routes.namespace,
    app: routes.app,
    fallback: routes.fallback,
    onUnavailable: routes.onUnavailable,
    affinity: routes.affinity ?? null,
    services,
    versionNames: versionNames(routes, artifactOf),
    artifactVersions: new Set(artifactOf.values()),
  };
}

function compileService<I>(
  routes: AppRoutes,
  service: ServiceRoutes,
  stored: Weights | null,
  artifactOf: ReadonlyMap<number, string>,
  makeInstance: MakeInstance<I>,
): CompiledService<I> {
  const versions = service.versions
    .map(
      ({ version, instances }): CompiledVersion<I> => ({
        version,
        versionText: String(version),
        artifactVersion: artifactOf.get(version) ?? '',
        instances: instances.map((ref) => makeInstance(ref, version, service.name)),
      }),
    )
    .sort((left, right) => left.version - right.version);
  const pinned = versions.map((version): RouteChoice<I> => ({ ok: true, version, reason: 'pinned' }));
  return {
    name: service.name,
    versions,
    weights: stored === null ? null : effectiveWeights(stored, numbersOf(versions)),
    pins: pinsByName(pinned, routes.aliases),
    // Ascending, so that the highest version made from an artifact is the one that stays.
    artifacts: new Map(pinned.map((choice) => [choice.version.artifactVersion, choice])),
    split: stored === null ? fallbackSplit(versions, routes.fallback) : weightedSplit(versions, stored, routes),
  };
}

/**
 * `redistribute` is settled here: versions without a usable instance are left out and the others share their weight in proportion,
 * affinity included. With `fail` they stay in, and a request that meets one fails.
 */
function weightedSplit<I>(versions: readonly CompiledVersion<I>[], stored: Weights, routes: AppRoutes): Split<I> {
  const candidates = routes.onUnavailable === 'redistribute' ? versions.filter(isUsable) : versions;
  const weights = effectiveWeights(stored, numbersOf(candidates));
  const shares = candidates.map((version): Share<I> => ({ version, weight: weights.get(version.version) ?? 0 }));
  return compileSplit(shares, 'weighted', routes.affinity !== undefined);
}

/** Without weights there is nothing that a version could be missing, so a fallback only looks at versions with usable instances. */
function fallbackSplit<I>(versions: readonly CompiledVersion<I>[], fallback: Fallback): Split<I> {
  const usable = versions.filter(isUsable);
  return compileSplit(fallbackShares(usable, fallback), 'fallback', false);
}

function fallbackShares<I>(usable: readonly CompiledVersion<I>[], fallback: Fallback): Share<I>[] {
  const every = usable.map((version): Share<I> => ({ version, weight: version.instances.length }));
  switch (fallback) {
    case 'random':
      return every;
    case 'newest':
      return every.slice(-1);
    case 'oldest':
      return every.slice(0, 1);
    case 'none':
      return [];
  }
}

function pinsByName<I>(pinned: readonly RouteChoice<I>[], aliases: Record<string, number>): Map<string, RouteChoice<I>> {
  const byVersion = new Map(pinned.map((choice) => [choice.version.version, choice]));
  const pins = new Map<string, RouteChoice<I>>();
  for (const [alias, version] of Object.entries(aliases)) {
    const choice = byVersion.get(version);
    if (choice !== undefined) pins.set(alias, choice);
  }
  // After the aliases: a number always means the version.
  for (const choice of pinned) pins.set(choice.version.versionText, choice);
  return pins;
}

function versionNames(routes: AppRoutes, artifactOf: ReadonlyMap<number, string>): Map<string, number> {
  const names = new Map(Object.entries(routes.aliases).filter(([, version]) => artifactOf.has(version)));
  for (const version of artifactOf.keys()) names.set(String(version), version);
  return names;
}

function artifactsByVersion(routes: AppRoutes): Map<number, string> {
  const artifactOf = new Map<number, string>();
  for (const { version, artifactVersion } of routes.versions) {
    if (!isVersion(version)) throw new InvalidRoutesError(`${version} is not a version`);
    if (artifactOf.has(version)) throw new InvalidRoutesError(`version ${version} is listed twice`);
    artifactOf.set(version, artifactVersion);
  }
  return artifactOf;
}

function checkServices(routes: AppRoutes, artifactOf: ReadonlyMap<number, string>): void {
  const names = new Set<string>();
  for (const { name, versions } of routes.services) {
    if (names.has(name)) throw new InvalidRoutesError(`service ${name} is listed twice`);
    names.add(name);
    const running = new Set<number>();
    for (const { version } of versions) {
      if (!artifactOf.has(version)) throw new InvalidRoutesError(`service ${name} runs in version ${version}, which does not exist`);
      if (running.has(version)) throw new InvalidRoutesError(`service ${name} lists version ${version} twice`);
      running.add(version);
    }
  }
}

function numbersOf<I>(versions: readonly CompiledVersion<I>[]): Set<number> {
  return new Set(versions.map(({ version }) => version));
}

function isUsable<I>(version: CompiledVersion<I>): boolean {
  return version.instances.length > 0;
}
