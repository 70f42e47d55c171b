import fc from 'fast-check';
import { TOTAL_BP, type Weights } from '../weights.js';

/** Distributions over up to `maxVersions` versions of the numbers 1 to 50; zero weights are frequent. */
export function weightsArbitrary(maxVersions = 8): fc.Arbitrary<Weights> {
  return fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: maxVersions }).chain((versions) =>
    fc
      .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: TOTAL_BP })), { minLength: versions.length, maxLength: versions.length })
      .map((cuts) =>
        cutUp(
          [...versions].sort((a, b) => a - b),
          cuts,
        ),
      ),
  );
}

/** Each version takes its cut of what is left, the last takes the rest. */
function cutUp(versions: readonly number[], cuts: readonly number[]): Weights {
  let left = TOTAL_BP;
  const weights = new Map<number, number>();
  versions.forEach((version, index) => {
    const weightBp = index === versions.length - 1 ? left : Math.min(left, cuts[index] ?? 0);
    left -= weightBp;
    weights.set(version, weightBp);
  });
  return weights;
}

/** A subset of the versions 1 to 50 that often covers many of them. */
export const runningArbitrary: fc.Arbitrary<Set<number>> = fc
  .subarray(
    Array.from({ length: 50 }, (_, index) => index + 1),
    { minLength: 0 },
  )
  .map((versions) => new Set(versions));
