import type { HostClaim } from './host-table.js';
import type { Limiter } from './limiter.js';
import type { RequestValues } from './request-values.js';
import type { Affinity, Fallback, OnUnavailable } from './routes.js';
import type { Weights } from './weights.js';

/** One version of one service as the data plane needs it: nothing has to be made per request. `I` is the caller's own instance object. */
export interface CompiledVersion<I> {
  readonly version: number;
  /** `version` in decimal, for a header. */
  readonly versionText: string;
  readonly artifactVersion: string;
  /** The run that the instances belong to; `null` when the document does not say. */
  readonly runId: string | null;
  /** Empty when the service runs in this version, but no instance is usable. */
  readonly instances: readonly I[];
  /** The version's own, over all services of the app; `null` when it is not limited. */
  readonly limiter: Limiter | null;
}

export type RouteReason = 'pinned' | 'audience' | 'affinity' | 'weighted' | 'fallback';

/** Where a request goes. Shared by all requests that go there: never change it. */
export interface RouteChoice<I> {
  readonly ok: true;
  readonly version: CompiledVersion<I>;
  readonly reason: RouteReason;
  /** The affinity key decided. Whoever made the key up for this request tells the consumer, so that the next one carries it. */
  readonly byAffinity: boolean;
}

/** What requests that pin no version follow: choices in ascending order of version, each with a weight above 0. */
export interface Split<I> {
  readonly choices: readonly RouteChoice<I>[];
  /** Running sum of the weights of `choices`: basis points, or numbers of instances for the `random` fallback. */
  readonly cumulative: Uint32Array;
  /** The last of `cumulative`; 0 when there is nowhere to go. */
  readonly total: number;
  /** What affinity needs; `null` when the app sets none, or there are no weights to be true to. Same order as `choices`. */
  readonly affinity: { readonly choices: readonly RouteChoice<I>[]; readonly seeds: Int32Array; readonly weights: Float64Array } | null;
}

/** A rule as one service follows it. */
export interface CompiledAudience<I> {
  readonly name: string;
  readonly matches: (values: RequestValues) => boolean;
  /** Empty when nothing that the rule names runs, and `onUnavailable` says that its requests fail. */
  readonly split: Split<I>;
}

/** Where copies of a service's requests go. */
export interface CompiledMirror<I> {
  readonly version: CompiledVersion<I>;
  /** 1 to 10000 */
  readonly shareBp: number;
  /** A request with a larger body is not copied. */
  readonly maxBodyBytes: number;
}

export interface CompiledService<I> {
  readonly name: string;
  /** The versions in which the service runs, ascending. */
  readonly versions: readonly CompiledVersion<I>[];
  /** The effective weights over these versions; `null` when there is no distribution and the fallback rules. */
  readonly weights: Weights | null;
  /** Decimal version, or alias, → a version in which the service runs. */
  readonly pins: ReadonlyMap<string, RouteChoice<I>>;
  /** Artifact version → the highest version made from it in which the service runs. */
  readonly artifacts: ReadonlyMap<string, RouteChoice<I>>;
  readonly split: Split<I>;
  /** In order; rules that this service skips are left out. */
  readonly audiences: readonly CompiledAudience<I>[];
  /** `null`: nothing is copied. */
  readonly mirror: CompiledMirror<I> | null;
  /** The service's own, over all versions; `null` when it is not limited. */
  readonly limiter: Limiter | null;
}

export interface CompiledApp<I> {
  readonly namespace: string;
  readonly app: string;
  readonly fallback: Fallback;
  readonly onUnavailable: OnUnavailable;
  /** The name of a header in lower case. */
  readonly affinity: Affinity | null;
  readonly pinByAccept: boolean;
  readonly hosts: readonly HostClaim[];
  readonly services: ReadonlyMap<string, CompiledService<I>>;
  /** Every decimal version, and every alias of one, that exists, running or not → version. */
  readonly versionNames: ReadonlyMap<string, number>;
  /** The artifact versions of every version that exists. */
  readonly artifactVersions: ReadonlySet<string>;
}
