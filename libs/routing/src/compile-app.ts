import { type ReadAudience, readAudience } from './audience.js';
import type { CompiledApp, CompiledAudience, CompiledService, CompiledVersion, RouteChoice, Split } from './compiled.js';
import type { HostClaim } from './host-table.js';
import { InvalidRoutesError } from './invalid-routes-error.js';
import { Limiter, type MakeLimiter } from './limiter.js';
import { compileMirror } from './mirror.js';
import { effectiveWeights } from './reallocate.js';
import type { Affinity, AppRoutes, Fallback, InstanceRef, ServiceRoutes } from './routes.js';
import { compileSplit, type Share } from './split.js';
import { isVersion } from './version.js';
import { fromRecord, type Weights } from './weights.js';

/** Makes the caller's own object for an instance, or gives back the one it has: a connection pool outlives a change of weights. */
export type MakeInstance<I> = (ref: InstanceRef, version: number, service: string) => I;

/** What is known of an app that does not contradict itself. */
interface CheckedApp {
  readonly artifactOf: ReadonlyMap<number, string>;
  readonly hosts: readonly HostClaim[];
  readonly audiences: readonly ReadAudience[];
  /** By service: its own weights, or the app's. */
  readonly weightsOf: ReadonlyMap<string, Weights | null>;
}

/** What all services of an app are compiled with. */
interface AppParts<I> extends CheckedApp {
  readonly routes: AppRoutes;
  readonly makeInstance: MakeInstance<I>;
  /** The limiter of `services/{name}` or `versions/{number}`; `null` when it is not limited. */
  readonly limiterOf: (place: 'services' | 'versions', name: string) => Limiter | null;
}

/**
 * The shape of `routes` is trusted (whoever received it has parsed it); what contradicts itself throws {@link InvalidRoutesError}, bad weights
 * throw InvalidWeightsError. What this lets through, {@link compileApp} compiles.
 */
export function checkApp(routes: AppRoutes): CheckedApp {
  const artifactOf = artifactsByVersion(routes);
  checkServices(routes, artifactOf);
  const hosts = hostClaims(routes);
  const audiences = (routes.audiences ?? []).map(readAudience);
  const appWeights = routes.weights === null ? null : fromRecord(routes.weights);
  const weightsOf = new Map(routes.services.map(({ name, weights }) => [name, weights === null ? appWeights : fromRecord(weights)]));
  return { artifactOf, hosts, audiences, weightsOf };
}

/**
 * Works out on a change everything that a request would have to. Throws what {@link checkApp} throws, before it calls `makeInstance` or
 * `makeLimiter`.
 */
export function compileApp<I>(
  routes: AppRoutes,
  makeInstance: MakeInstance<I>,
  makeLimiter: MakeLimiter = (_key, limit) => new Limiter(limit, 1),
): CompiledApp<I> {
  const checked = checkApp(routes);
  const { artifactOf, hosts, weightsOf } = checked;
  const parts: AppParts<I> = { ...checked, routes, makeInstance, limiterOf: limitersOf(routes, makeLimiter) };
  const services = new Map<string, CompiledService<I>>();
  for (const service of routes.services) services.set(service.name, compileService(parts, service, weightsOf.get(service.name) ?? null));
  return {
    namespace: routes.namespace,
    app: routes.app,
    fallback: routes.fallback,
    onUnavailable: routes.onUnavailable,
    affinity: compileAffinity(routes.affinity),
    pinByAccept: routes.pinByAccept === true,
    hosts,
    services,
    versionNames: versionNames(routes, artifactOf),
    artifactVersions: new Set(artifactOf.values()),
  };
}

function compileService<I>(parts: AppParts<I>, service: ServiceRoutes, stored: Weights | null): CompiledService<I> {
  const { routes, artifactOf, makeInstance, limiterOf } = parts;
  const versions = service.versions
    .map(
      ({ version, runId, instances }): CompiledVersion<I> => ({
        version,
        versionText: String(version),
        artifactVersion: artifactOf.get(version) ?? '',
        runId: runId ?? null,
        instances: instances.map((ref) => makeInstance(ref, version, service.name)),
        limiter: limiterOf('versions', String(version)),
      }),
    )
    .sort((left, right) => left.version - right.version);
  const pinned = versions.map((version): RouteChoice<I> => ({ ok: true, version, reason: 'pinned', byAffinity: false }));
  return {
    name: service.name,
    versions,
    weights: stored === null ? null : effectiveWeights(stored, numbersOf(versions)),
    pins: pinsByName(pinned, routes.aliases),
    // Ascending, so that the highest version made from an artifact is the one that stays.
    artifacts: new Map(pinned.map((choice) => [choice.version.artifactVersion, choice])),
    split:
      stored === null
        ? fallbackSplit(versions, routes.fallback)
        : weightedSplit(versions, stored, routes, 'weighted', routes.affinity !== undefined),
    audiences: compileAudiences(parts, versions),
    mirror: compileMirror(routes.mirror, service.name, versions),
    limiter: limiterOf('services', service.name),
  };
}

/** A rule of which nothing can serve is left out, so that the next one is tried; with `fail` it stays, empty, and its requests fail. */
function compileAudiences<I>({ routes, audiences }: AppParts<I>, versions: readonly CompiledVersion<I>[]): CompiledAudience<I>[] {
  return audiences
    .map(({ name, matches, weights, divides }): CompiledAudience<I> => {
      const split = weightedSplit(versions, weights, routes, 'audience', divides && routes.affinity !== undefined);
      return { name, matches, split };
    })
    .filter(({ split }) => split.total > 0 || routes.onUnavailable === 'fail');
}

/**
 * `redistribute` is settled here: versions without a usable instance are left out and the others share their weight in proportion,
 * affinity included. With `fail` they stay in, and a request that meets one fails.
 */
function weightedSplit<I>(
  versions: readonly CompiledVersion<I>[],
  stored: Weights,
  routes: AppRoutes,
  reason: 'weighted' | 'audience',
  withAffinity: boolean,
): Split<I> {
  const candidates = routes.onUnavailable === 'redistribute' ? versions.filter(isUsable) : versions;
  const weights = effectiveWeights(stored, numbersOf(candidates));
  const shares = candidates.map((version): Share<I> => ({ version, weight: weights.get(version.version) ?? 0 }));
  return compileSplit(shares, reason, withAffinity);
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

function compileAffinity(affinity: Affinity | undefined): Affinity | null {
  if (affinity?.by === 'header' && affinity.name !== undefined) return { ...affinity, name: affinity.name.toLowerCase() };
  return affinity ?? null;
}

/** A version's limiter is one for all services, so each is made once. */
function limitersOf<I>({ namespace, app, limits }: AppRoutes, makeLimiter: MakeLimiter): AppParts<I>['limiterOf'] {
  const made = new Map<string, Limiter>();
  return (place, name) => {
    const own = limits?.[place] ?? {};
    const limit = Object.hasOwn(own, name) ? own[name] : undefined;
    if (limit === undefined) return null;
    const key = `${namespace}/${app}/${place}/${name}`;
    const limiter = made.get(key) ?? makeLimiter(key, limit);
    made.set(key, limiter);
    return limiter;
  };
}

function hostClaims({ namespace, app, services }: AppRoutes): HostClaim[] {
  const taken = new Set<string>();
  return services.flatMap(({ name: service, hosts }) => {
    const prefix = hosts === undefined || hosts.pathPrefix === '/' ? '' : hosts.pathPrefix;
    return (hosts?.hosts ?? []).map((host): HostClaim => {
      if (taken.has(`${host}${prefix}`)) throw new InvalidRoutesError(`${host}${prefix} is claimed twice`);
      taken.add(`${host}${prefix}`);
      return { namespace, app, service, host, prefix };
    });
  });
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
