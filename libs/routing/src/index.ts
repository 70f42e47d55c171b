export { compileApp, InvalidRoutesError, type MakeInstance } from './compile-app.js';
export type { CompiledApp, CompiledService, CompiledVersion, RouteChoice, RouteReason, Split } from './compiled.js';
export { pickInstance } from './pick-instance.js';
export { effectiveWeights, reallocate, zeroVersion } from './reallocate.js';
export { EVERGREEN, type RouteFailure, type RouteFailureCode, type RouteRequest, type RouteResult, resolve } from './resolve.js';
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
