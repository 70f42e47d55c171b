import { formatDuration } from './duration.js';
import type { Hook, InstanceRule, ReleasePlan, StabilityCriteria, Stage } from './plan.js';

/** A plan as the REST API shows it. `parsePlan` reads the same plan from it. */
export interface PlanDocument {
  stages: StageDocument[];
}

export interface StageDocument
  extends Pick<Stage, 'name' | 'availability' | 'minRequests' | 'onAnomaly' | 'approval' | 'maxExtensions' | 'severeFactor'> {
  /** Percent. */
  weight: number;
  instances?: number | string;
  observe: string;
  progressDeadline: string;
  stability: StabilityCriteria;
  hooks?: Record<string, HookDocument[]>;
}

type HookDocument = { webhook: string; timeout: string } | { flow: string; timeout: string };

export function toPlanDocument({ stages }: ReleasePlan): PlanDocument {
  return { stages: stages.map(toStageDocument) };
}

function toStageDocument(stage: Stage): StageDocument {
  const { name, weightBp, instances, observeMs, stability, availability, minRequests, onAnomaly, approval, maxExtensions, severeFactor } =
    stage;
  const hooks = Object.entries(stage.hooks).map(([point, list]): [string, HookDocument[]] => [point, list.map(toHookDocument)]);
  return {
    name,
    weight: weightBp / 100,
    ...(instances !== null && { instances: toInstances(instances) }),
    observe: formatDuration(observeMs),
    stability,
    availability,
    minRequests,
    onAnomaly,
    approval,
    maxExtensions,
    severeFactor,
    progressDeadline: formatDuration(stage.progressDeadlineMs),
    ...(hooks.length > 0 && { hooks: Object.fromEntries(hooks) }),
  };
}

function toInstances(rule: InstanceRule): number | string {
  return 'count' in rule ? rule.count : `${rule.percent}%`;
}

function toHookDocument(hook: Hook): HookDocument {
  const timeout = formatDuration(hook.timeoutMs);
  return hook.type === 'webhook' ? { webhook: hook.url, timeout } : { flow: hook.name, timeout };
}
