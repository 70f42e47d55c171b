export { act, type Request as ActionRequest } from './course/act.js';
export { type Decision, decide, type Situation } from './course/decide.js';
export { type Evidence, LONGEST_UNWATCHED_MS } from './course/evidence.js';
export { startRelease } from './course/start.js';
export {
  type Phase,
  RELEASE_EVENT_TYPES,
  RELEASE_STATUSES,
  type ReleaseEvent,
  type ReleaseEventType,
  type ReleaseState,
  type ReleaseStatus,
  type Wanted,
} from './course/state.js';
export type { Step } from './course/step.js';
export { allowedActions, isTerminal, RELEASE_ACTIONS, type ReleaseAction } from './course/transitions.js';
export type { LatencyVerdict } from './judgement/judge-latency.js';
export type { Verdict } from './judgement/judge-proportion.js';
export { judgeStage, type MeasuredRecently, type StageJudgement } from './judgement/judge-stage.js';
export type { AvailabilityVerdict, Measured, MeasuredBoth, StabilityVerdict } from './judgement/judge-window.js';
export type { Latency } from './judgement/latency.js';
export { type RecentWindow, recentWindows } from './judgement/recent-windows.js';
export { type Behaviour, simulateErrors, simulateStage } from './judgement/simulate-stage.js';
export type { PlanError } from './plan/document-reader.js';
export { formatDuration, parseDuration } from './plan/duration.js';
export { MAX_STAGES, type ParsedPlan, parsePlan } from './plan/parse-plan.js';
export {
  type AnomalyResponse,
  type AnomalyResponses,
  type Hook,
  type HookPoint,
  type InstanceRule,
  instancesFor,
  type ReleasePlan,
  type StabilityCriteria,
  type Stage,
  type StageHooks,
} from './plan/plan.js';
export { type PlanDocument, type StageDocument, toPlanDocument } from './plan/plan-document.js';
export { withDefaults } from './plan/stage-defaults.js';
export { STANDARD_PLAN } from './plan/standard-plan.js';
export { isWebhookUrl } from './plan/webhook-url.js';
