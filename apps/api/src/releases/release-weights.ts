import { effectiveWeights, type Weights, withShare } from '@app-fabric/routing';
import { positive } from '../distribution/distribution-rules.js';
import type { Release } from './release.js';

type Wanting = Pick<Release, 'candidate'> & { base: Pick<Release['base'], 'weights'>; state: { wanted: { candidateWeightBp: number } } };

/**
 * The weights that a release wants now: the candidate's share, and the rest in the proportions that there were before it. Versions that do not run
 * are given nothing; null when nobody who runs could take his part, so that nothing is better left as it is.
 */
export function wantedWeights({ candidate, base, state }: Wanting, running: ReadonlySet<number>): Weights | null {
  const { candidateWeightBp } = state.wanted;
  if (candidateWeightBp > 0 && !running.has(candidate)) return null;
  const others = new Map([...base.weights].filter(([version]) => version !== candidate));
  const weights = withShare(effectiveWeights(others, running), candidate, candidateWeightBp);
  return weights && positive(weights);
}

export function sameWeights(a: Weights | null, b: Weights | null): boolean {
  if (a === null || b === null) return a === b;
  return a.size === b.size && [...a].every(([version, weightBp]) => b.get(version) === weightBp);
}
