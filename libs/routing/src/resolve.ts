import { readAcceptVersion } from './accept-version.js';
import type { CompiledApp, CompiledAudience, CompiledService, RouteChoice } from './compiled.js';
import type { RequestValues } from './request-values.js';
import type { RouteTable } from './route-table.js';
import { chooseFromSplit } from './split.js';
import { parseVersion } from './version.js';

/** What a request says about where it wants to go. Decoded; absent is `null` or `undefined`. Not kept, so it may be reused. */
export interface RouteRequest {
  readonly namespace: string;
  readonly app: string;
  readonly service: string;
  /** The path's `versions/{v}`: version, alias or `latest`. */
  readonly pathVersion?: string | null | undefined;
  /** `X-App-Version`: version, alias or `latest`. */
  readonly versionHeader?: string | null | undefined;
  /** `X-Artifact-Version` */
  readonly artifactHeader?: string | null | undefined;
  /** `Accept` as sent, several lines joined with commas; only looked at where the app pins by it. */
  readonly acceptHeader?: string | null | undefined;
  /** What audience rules look at; without it, no rule applies. */
  readonly values?: RequestValues | null | undefined;
  /** The value that the app's affinity names, and nothing else; empty counts as absent. The caller bounds its length. */
  readonly affinityKey?: string | null | undefined;
}

export type RouteFailureCode =
  | 'app_not_found'
  | 'service_not_found'
  | 'version_not_found'
  | 'bad_version_header'
  | 'version_unavailable'
  | 'no_instance';

export interface RouteFailure {
  readonly ok: false;
  readonly code: RouteFailureCode;
  /** One sentence for people. Quotes at most 128 characters of the request. */
  readonly detail: string;
}

export type RouteResult<I> = RouteChoice<I> | RouteFailure;

/** The version name that means "whatever the distribution says", as if no version had been named. */
export const EVERGREEN = 'latest';

const MAX_NAME_LENGTH = 128;
const ALIAS = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const ALL_DIGITS = /^[0-9]+$/;
const ARTIFACT_VERSION = /^[A-Za-z0-9][A-Za-z0-9.+_-]{0,127}$/;

/**
 * Decides which version a request goes to (CONTRACT §4), first that applies: path, `X-App-Version`, `X-Artifact-Version`, `Accept`
 * where the app pins by it, the first audience rule that matches, affinity, distribution, fallback. What a rule above has decided makes the rest of the request's wishes irrelevant, malformed ones included.
 * A pin never falls back, and works whatever the weights. A choice has at least one instance.
 *
 * A choice is a shared object made when the table was compiled: success allocates nothing. `random` gives numbers in [0, 1).
 */
export function resolve<I>(table: RouteTable<I>, request: RouteRequest, random: () => number): RouteResult<I> {
  const app = table.get(request.namespace, request.app);
  if (app === undefined) return fail('app_not_found', `There is no app ${clip(request.app)} in namespace ${clip(request.namespace)}.`);
  return resolveInApp(app, request, random);
}

/** As {@link resolve}, for whoever has looked the app up already. */
export function resolveInApp<I>(app: CompiledApp<I>, request: RouteRequest, random: () => number): RouteResult<I> {
  const service = app.services.get(request.service);
  if (service === undefined) return fail('service_not_found', `App ${app.app} has no service ${clip(request.service)}.`);

  const { pathVersion, versionHeader, artifactHeader, affinityKey } = request;
  if (isPin(pathVersion)) return usable(service.pins.get(pathVersion)) ?? failPath(app, service, pathVersion);
  if (isPin(versionHeader)) return usable(service.pins.get(versionHeader)) ?? failHeader(app, service, versionHeader, 'X-App-Version');
  if (typeof artifactHeader === 'string') {
    return usable(service.artifacts.get(artifactHeader)) ?? failArtifactHeader(app, service, artifactHeader);
  }
  if (app.pinByAccept && typeof request.acceptHeader === 'string') {
    const { version, problem } = readAcceptVersion(request.acceptHeader);
    if (problem !== null) return fail('bad_version_header', problem);
    if (isPin(version)) return usable(service.pins.get(version)) ?? failHeader(app, service, version, 'The app-version in Accept');
  }
  const key = affinityKey ? affinityKey : null;
  const { values } = request;
  if (service.audiences.length > 0 && values) {
    const rule = firstMatch(service.audiences, values);
    if (rule !== undefined) {
      const choice = chooseFromSplit(rule.split, key, random);
      return usable(choice) ?? failAudience(app, service, rule, choice);
    }
  }
  const choice = chooseFromSplit(service.split, key, random);
  return usable(choice) ?? failUnpinned(app, service, choice);
}

function firstMatch<I>(audiences: readonly CompiledAudience<I>[], values: RequestValues): CompiledAudience<I> | undefined {
  for (const rule of audiences) if (rule.matches(values)) return rule;
  return undefined;
}

function isPin(name: string | null | undefined): name is string {
  return typeof name === 'string' && name !== EVERGREEN;
}

function usable<I>(choice: RouteChoice<I> | undefined): RouteChoice<I> | undefined {
  return choice !== undefined && choice.version.instances.length > 0 ? choice : undefined;
}

function failPath<I>(app: CompiledApp<I>, service: CompiledService<I>, name: string): RouteFailure {
  const version = app.versionNames.get(name);
  if (version === undefined) return fail('version_not_found', `App ${app.app} has no version ${clip(name)}.`);
  return fail('version_unavailable', unavailable(app, service, version));
}

/** `source` begins the sentence that says where the version was named. */
function failHeader<I>(app: CompiledApp<I>, service: CompiledService<I>, name: string, source: string): RouteFailure {
  if (app.versionNames.has(name)) return failPath(app, service, name);
  const wellFormed = ALL_DIGITS.test(name) ? parseVersion(name) !== null : ALIAS.test(name);
  if (!wellFormed) return fail('bad_version_header', `${source} is neither a version number nor an alias.`);
  return failPath(app, service, name);
}

function failArtifactHeader<I>(app: CompiledApp<I>, service: CompiledService<I>, artifactVersion: string): RouteFailure {
  const choice = service.artifacts.get(artifactVersion);
  if (choice !== undefined) return fail('version_unavailable', unavailable(app, service, choice.version.version));
  if (app.artifactVersions.has(artifactVersion)) {
    return fail(
      'version_unavailable',
      `Service ${service.name} runs in no version of ${app.app} made from artifact version ${artifactVersion}.`,
    );
  }
  if (!ARTIFACT_VERSION.test(artifactVersion)) return fail('bad_version_header', 'X-Artifact-Version is not an artifact version.');
  return fail('version_not_found', `App ${app.app} has no version made from artifact version ${artifactVersion}.`);
}

function failAudience<I>(
  app: CompiledApp<I>,
  service: CompiledService<I>,
  rule: CompiledAudience<I>,
  choice: RouteChoice<I> | undefined,
): RouteFailure {
  if (choice !== undefined) return fail('version_unavailable', unavailable(app, service, choice.version.version));
  return fail('version_unavailable', `Service ${service.name} of ${app.app} runs in no version of audience ${clip(rule.name)}.`);
}

function failUnpinned<I>(app: CompiledApp<I>, service: CompiledService<I>, choice: RouteChoice<I> | undefined): RouteFailure {
  if (choice !== undefined) return fail('version_unavailable', unavailable(app, service, choice.version.version));
  if (service.weights !== null)
    return fail('no_instance', `No version of ${app.app} with weight has a usable instance of ${service.name}.`);
  if (app.fallback === 'none') return fail('no_instance', `App ${app.app} has no distribution, and its fallback is none.`);
  return fail('no_instance', `Service ${service.name} of ${app.app} has no usable instance.`);
}

function unavailable<I>(app: CompiledApp<I>, service: CompiledService<I>, version: number): string {
  const runs = service.versions.some((other) => other.version === version);
  const problem = runs ? 'has no usable instance' : 'does not run';
  return `Service ${service.name} ${problem} in version ${version} of ${app.app}.`;
}

function fail(code: RouteFailureCode, detail: string): RouteFailure {
  return { ok: false, code, detail };
}

function clip(text: string): string {
  return text.length <= MAX_NAME_LENGTH ? text : `${text.slice(0, MAX_NAME_LENGTH)}…`;
}
