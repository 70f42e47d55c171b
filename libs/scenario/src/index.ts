export { binomialBound, withinBinomialBound } from './binomial.js';
export { eventually, type FabricAnswer, FabricClient, type FabricRequest, sendHttp, UnexpectedAnswerError } from './fabric-client.js';
export { playReleases, type ReleasesOptions, type ReleasesResult } from './releases.js';
export {
  buildSampleBundle,
  SAMPLE_ARTIFACT,
  SAMPLE_FLOW,
  SAMPLE_SERVICE,
  SAMPLE_WORKER,
  type SampleVersion,
  sampleManifest,
  sampleTotal,
} from './sample-bundle.js';
export { playScenario, type ScenarioOptions, type ScenarioResult, type StepResult } from './scenario.js';
export { formatTable, releasesTable, scenarioTable } from './scenario-table.js';
export { type ProgramKind, Shop } from './shop.js';
export { Traffic, type TrafficCount, type TrafficFailure, type TrafficOptions } from './traffic.js';
