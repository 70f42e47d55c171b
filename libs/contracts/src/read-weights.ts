import { MAX_VERSION, parseVersion, TOTAL_BP, type WeightsRecord } from '@app-fabric/routing';
import { fail, integer, orNull, record } from './read.js';

const MAX_WEIGHTS = 10_000;

export const readVersion = integer(1, MAX_VERSION);

const readWeight = integer(0, TOTAL_BP);

const readEach = record(MAX_WEIGHTS, (weight, version) => {
  if (parseVersion(version) === null) fail('is not a version');
  return readWeight(weight);
});

export function readWeightsRecord(input: unknown): WeightsRecord {
  const weights = readEach(input);
  let sum = 0;
  for (const version of Object.keys(weights)) sum += weights[version]!;
  if (sum !== TOTAL_BP) fail(`add up to ${sum}, they must add up to ${TOTAL_BP}`);
  return weights;
}

/** `null`: there is no distribution. */
export const readWeights = orNull(readWeightsRecord);
