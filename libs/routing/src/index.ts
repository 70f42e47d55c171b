export { affinityCookie, affinityKeyOf } from './affinity-key.js';
export { parseCidr } from './cidr.js';
export { checkApp, compileApp, type MakeInstance } from './compile-app.js';
export type {
  CompiledApp,
  CompiledAudience,
  CompiledMirror,
  CompiledService,
  CompiledVersion,
  RouteChoice,
  RouteReason,
  Split,
} from './compiled.js';
export type { HostClaim } from './host-table.js';
export { isHostPattern, isPathPrefix } from './hosts.js';
export { InvalidRoutesError } from './invalid-routes-error.js';
export { admit, Limiter, leave, type MakeLimiter } from './limiter.js';
export { LimiterRegistry } from './limiter-registry.js';
export { shouldMirror } from './mirror.js';
export { pickInstance } from './pick-instance.js';
export { effectiveWeights, reallocate, withShare, zeroVersion } from './reallocate.js';
export type { RequestValues } from './request-values.js';
export {
  EVERGREEN,
  type RouteFailure,
  type RouteFailureCode,
  type RouteRequest,
  type RouteResult,
  resolve,
  resolveInApp,
} from './resolve.js';
export { RouteTable } from './route-table.js';
export * from './routes.js';
export { MAX_VERSION, parseVersion } from './version.js';
export {
  fromRecord,
  InvalidWeightsError,
  MAX_WEIGHTED_VERSIONS,
  type ParsedWeights,
  parseWeights,
  TOTAL_BP,
  toPercentages,
  toRecord,
  type WeightError,
  type Weights,
} from './weights.js';
