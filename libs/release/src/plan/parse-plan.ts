import { DocumentReader, given, join, type PlanError } from './document-reader.js';
import { parseHooks } from './parse-hooks.js';
import type { AnomalyResponses, InstanceRule, ReleasePlan, StabilityCriteria, Stage } from './plan.js';
import { STAGE_DEFAULTS } from './stage-defaults.js';

export type ParsedPlan = { plan: ReleasePlan; errors?: undefined } | { plan?: undefined; errors: PlanError[] };

export const MAX_STAGES = 20;
const TOTAL_BP = 10_000;
const MAX_INSTANCES = 1_000;
const MAX_OBSERVE_MS = 90 * 86_400_000;
const MAX_LATENCY_MS = 3_600_000;
const STAGE_FIELDS = [
  ...['name', 'weight', 'instances', 'observe', 'stability', 'availability', 'minRequests', 'onAnomaly', 'approval'],
  ...['maxExtensions', 'severeFactor', 'progressDeadline', 'hooks'],
];
const RESPONSES = ['extend', 'pause', 'zero', 'rollback'] as const;

/**
 * Reads `{stages: […]}` of a REST body: weights are percentages with at most two decimals that never fall, rates are fractions, times
 * `"2h"`. At most 20 errors are told.
 */
export function parsePlan(value: unknown): ParsedPlan {
  const reader = new DocumentReader();
  const { stages: list } = reader.object(value, '', ['stages']);
  const known = reader.errors.length;
  const stages = reader.list(list, 'stages', MAX_STAGES, (item, path) => parseStage(reader, item, path));
  if (stages.length === 0 && reader.errors.length === known) reader.refuse('stages', 'must have at least one stage');
  for (const [index, { name, weightBp }] of stages.entries()) {
    const before = stages[index - 1];
    if (before !== undefined && weightBp < before.weightBp) {
      reader.refuse(`stages.${index}.weight`, `falls from ${before.weightBp / 100} to ${weightBp / 100}: weights of stages must not fall`);
    }
    if (stages.findIndex((other) => other.name === name) < index) reader.refuse(`stages.${index}.name`, 'is the name of another stage');
  }
  return reader.errors.length > 0 ? { errors: reader.errors } : { plan: { stages } };
}

function parseStage(reader: DocumentReader, value: unknown, path: string): Stage {
  const fields = reader.object(value, path, STAGE_FIELDS);
  const at = (name: string) => join(path, name);
  const optional = <T>(name: string, fallback: T, read: (value: unknown, path: string) => T): T =>
    given(fields[name]) ? read(fields[name], at(name)) : fallback;
  return {
    name: reader.name(fields.name, at('name'), 'a name'),
    weightBp: parseWeight(reader, fields.weight, at('weight')),
    instances: optional<InstanceRule | null>('instances', STAGE_DEFAULTS.instances, (rule, here) => parseInstances(reader, rule, here)),
    observeMs: reader.time(fields.observe, at('observe'), MAX_OBSERVE_MS),
    stability: parseStability(reader, fields.stability, at('stability')),
    availability: parseAvailability(reader, fields.availability, at('availability')),
    minRequests: optional<'auto' | number>('minRequests', STAGE_DEFAULTS.minRequests, (minimum, here) =>
      minimum === 'auto' ? minimum : reader.number(minimum, here, { min: 1, max: 1e12, whole: true }),
    ),
    onAnomaly: optional<AnomalyResponses>('onAnomaly', STAGE_DEFAULTS.onAnomaly, (responses, here) =>
      parseResponses(reader, responses, here),
    ),
    approval: optional<Stage['approval']>('approval', STAGE_DEFAULTS.approval, (approval, here) =>
      reader.oneOf(approval, here, ['auto', 'manual']),
    ),
    maxExtensions: optional<number>('maxExtensions', STAGE_DEFAULTS.maxExtensions, (most, here) =>
      reader.number(most, here, { min: 0, max: 100, whole: true }),
    ),
    severeFactor: optional<number>('severeFactor', STAGE_DEFAULTS.severeFactor, (factor, here) =>
      reader.number(factor, here, { min: 1, max: 1e6 }),
    ),
    progressDeadlineMs: optional<number>('progressDeadline', STAGE_DEFAULTS.progressDeadlineMs, (time, here) =>
      reader.time(time, here, MAX_OBSERVE_MS),
    ),
    hooks: optional('hooks', STAGE_DEFAULTS.hooks, (hooks, here) => parseHooks(reader, hooks, here)),
  };
}

function parseWeight(reader: DocumentReader, value: unknown, path: string): number {
  const weightBp = typeof value === 'number' ? Math.round(value * 100) : 0;
  const good = weightBp > 0 && weightBp <= TOTAL_BP && weightBp / 100 === value;
  if (!good) reader.refuse(path, 'must be a percentage above 0, at most 100, with at most two decimals');
  // Of a refused weight no order is judged: it neither falls nor lets another fall.
  return good ? weightBp : Number.NaN;
}

function parseInstances(reader: DocumentReader, value: unknown, path: string): InstanceRule | null {
  const percent = typeof value === 'string' ? /^(\d{1,3})%$/.exec(value)?.[1] : undefined;
  if (percent !== undefined && Number(percent) >= 1 && Number(percent) <= 100) return { percent: Number(percent) };
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_INSTANCES) return { count: value as number };
  reader.refuse(path, `must be a whole number from 1 to ${MAX_INSTANCES}, or from "1%" to "100%" of the baseline's instances`);
  return null;
}

function parseStability(reader: DocumentReader, value: unknown, path: string): StabilityCriteria {
  const fields = reader.object(value, path, ['maxErrorRate', 'maxLatencyMs', 'maxLatencyRatio']);
  const { maxErrorRate, maxLatencyMs, maxLatencyRatio } = fields;
  const criteria: StabilityCriteria = { maxErrorRate: reader.fraction(maxErrorRate, join(path, 'maxErrorRate')) };
  if (given(maxLatencyMs)) criteria.maxLatencyMs = parseLatency(reader, maxLatencyMs, join(path, 'maxLatencyMs'));
  if (given(maxLatencyRatio)) {
    criteria.maxLatencyRatio = reader.number(maxLatencyRatio, join(path, 'maxLatencyRatio'), { min: 1, max: 1_000 });
  }
  return criteria;
}

function parseLatency(reader: DocumentReader, value: unknown, path: string): { p50?: number; p99?: number } {
  const { p50, p99 } = reader.object(value, path, ['p50', 'p99']);
  const limit = (found: unknown, name: string) => reader.number(found, join(path, name), { min: 0.001, max: MAX_LATENCY_MS });
  return { ...(given(p50) && { p50: limit(p50, 'p50') }), ...(given(p99) && { p99: limit(p99, 'p99') }) };
}

function parseAvailability(reader: DocumentReader, value: unknown, path: string): { min: number } {
  const { min } = reader.object(value, path, ['min']);
  return { min: reader.fraction(min, join(path, 'min')) };
}

function parseResponses(reader: DocumentReader, value: unknown, path: string): AnomalyResponses {
  const fields = reader.object(value, path, ['minor', 'moderate', 'severe']);
  const response = (severity: keyof AnomalyResponses) =>
    given(fields[severity]) ? reader.oneOf(fields[severity], join(path, severity), RESPONSES) : STAGE_DEFAULTS.onAnomaly[severity];
  return { minor: response('minor'), moderate: response('moderate'), severe: response('severe') };
}
