import type { WeightsRecord } from './routes.js';
import { parseVersion } from './version.js';

/**
 * Version → integer basis points (hundredths of a percent), sorted by version. A distribution sums to {@link TOTAL_BP}.
 * What is read from an object needs no sorting: JavaScript lists keys that are whole numbers below 2^32 - 1 in ascending order.
 */
export type Weights = ReadonlyMap<number, number>;

/** 100 % in basis points. */
export const TOTAL_BP = 10_000;

/** More versions than this in one distribution are refused. Versions beside each other are a handful; this only bounds the work of a request. */
export const MAX_WEIGHTED_VERSIONS = 1_000;

const MAX_ERRORS = 20;
const MAX_QUOTED_LENGTH = 40;

export interface WeightError {
  /** `weights` or `weights.<key>` */
  path: string;
  message: string;
}

export type ParsedWeights = { ok: true; weights: Weights } | { ok: false; errors: WeightError[] };

/**
 * Reads the `weights` object of a REST body: canonical decimal versions → percentages, JSON numbers from 0 to 100 with at most
 * two decimals, that add up to exactly 100. Reports at most 20 errors; the sum is judged only when every entry is good.
 */
export function parseWeights(input: unknown): ParsedWeights {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return refuse([{ path: 'weights', message: `must be an object of version and percentage, not ${describe(input)}` }]);
  }
  const entries = Object.entries(input);
  if (entries.length === 0) return refuse([{ path: 'weights', message: 'must name at least one version' }]);
  if (entries.length > MAX_WEIGHTED_VERSIONS) {
    return refuse([{ path: 'weights', message: `names ${entries.length} versions, at most ${MAX_WEIGHTED_VERSIONS} are allowed` }]);
  }
  const errors: WeightError[] = [];
  const parsed: [version: number, weightBp: number][] = [];
  for (const [key, value] of entries) {
    const version = parseVersion(key);
    const weightBp = version === null ? NOT_A_VERSION : parsePercentage(value);
    if (version !== null && typeof weightBp === 'number') parsed.push([version, weightBp]);
    else errors.push({ path: `weights.${clip(key)}`, message: String(weightBp) });
    if (errors.length === MAX_ERRORS) break;
  }
  if (errors.length > 0) return refuse(errors);
  const sumBp = parsed.reduce((sum, [, weightBp]) => sum + weightBp, 0);
  if (sumBp !== TOTAL_BP) {
    return refuse([{ path: 'weights', message: `weights add up to ${sumBp / 100}, they must add up to 100` }]);
  }
  return { ok: true, weights: new Map(parsed) };
}

/** Version → percentage, as the REST API shows it. */
export function toPercentages(weights: Weights): Record<string, number> {
  return Object.fromEntries(Array.from(weights, ([version, weightBp]) => [version, weightBp / 100]));
}

/** Version → basis points, as it is stored and sent. */
export function toRecord(weights: Weights): WeightsRecord {
  return Object.fromEntries(weights);
}

/**
 * The weights of a stored or received record. Throws {@link InvalidWeightsError} for anything that {@link toRecord} cannot have written.
 * Sets no limit of its own: versions that started later are stored with 0 beside what a user asked for, and whoever received it bounds it.
 */
export function fromRecord(record: WeightsRecord): Weights {
  const entries = Object.entries(record);
  let sumBp = 0;
  const parsed = entries.map(([key, weightBp]): [number, number] => {
    const version = parseVersion(key);
    if (version === null) throw new InvalidWeightsError(`"${clip(key)}" is not a version`);
    if (!Number.isInteger(weightBp) || weightBp < 0)
      throw new InvalidWeightsError(`the weight of version ${version} is not in basis points`);
    sumBp += weightBp;
    return [version, weightBp];
  });
  if (sumBp !== TOTAL_BP) throw new InvalidWeightsError(`basis points add up to ${sumBp}, not to ${TOTAL_BP}`);
  return new Map(parsed);
}

export class InvalidWeightsError extends Error {
  readonly code = 'invalid_weights';
  override readonly name = 'InvalidWeightsError';
}

const NOT_A_VERSION = 'is not a version: a version is a whole number from 1 to 2147483647, without sign or leading zero';

/** Basis points, or what is wrong. */
function parsePercentage(value: unknown): number | string {
  if (typeof value !== 'number') return `must be a number, not ${describe(value)}`;
  if (!Number.isFinite(value)) return `must be a finite number, not ${value}`;
  if (value < 0) return `must not be negative, but is ${value}`;
  if (value > 100) return `must not be above 100, but is ${value}`;
  const weightBp = Math.round(value * 100);
  // Exact: division rounds correctly, so n / 100 is the very double that the decimal literal of n hundredths is read as.
  if (weightBp / 100 !== value) return `must have at most two decimals, but is ${value}`;
  // Adding 0 turns -0 into 0.
  return weightBp + 0;
}

function refuse(errors: WeightError[]): ParsedWeights {
  return { ok: false, errors };
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'string') return `the string ${JSON.stringify(clip(value))}`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function clip(text: string): string {
  return text.length <= MAX_QUOTED_LENGTH ? text : `${text.slice(0, MAX_QUOTED_LENGTH)}…`;
}
