export {
  account,
  type Baseline,
  bucketsFor,
  floorTo,
  oldestKept,
  RESOLUTIONS,
  RETENTION,
  type Resolution,
  type RolledUp,
  rollUpUntil,
} from './accounting.js';
export { BUCKETS, type SparseHistogram } from './histogram.js';
export { DURATION_BOUNDS_SECONDS, knownMethod, OTHER_METHOD } from './http-conventions.js';
export { latencyOf } from './latency.js';
export { addMeasures, type Measures, noMeasures, requestsOf } from './measures.js';
export { type Ended, Meter } from './meter.js';
export { ANSWER_CUT, isError, STATUS_CLASSES } from './outcome.js';
export { type Percentiles, type Summary, summarize } from './summary.js';
