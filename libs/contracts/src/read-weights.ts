import { MAX_VERSION, parseVersion, TOTAL_BP, type WeightsRecord } from '@app-fabric/routing';
import { entries, fail, integer } from './read.js';

const MAX_WEIGHTS = 10_000;

export function readVersion(value: unknown, path: string): number {
  return integer(value, path, 1, MAX_VERSION);
}

export function readWeights(input: unknown, path: string): WeightsRecord | null {
  return input === null ? null : readWeightsRecord(input, path);
}

export function readWeightsRecord(input: unknown, path: string): WeightsRecord {
  const weights = entries(input, path, MAX_WEIGHTS, (key, weight, at) => {
    if (parseVersion(key) === null) fail(at, 'is not a version');
    return integer(weight, at, 0, TOTAL_BP);
  });
  const sum = weights.reduce((total, [, weight]) => total + weight, 0);
  if (sum !== TOTAL_BP) fail(path, `add up to ${sum}, they must add up to ${TOTAL_BP}`);
  return Object.fromEntries(weights);
}
