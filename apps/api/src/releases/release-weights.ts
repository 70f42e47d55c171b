import { effectiveWeights, type Weights, withShare, zeroVersion } from '@app-fabric/routing';
import { type DistributionChanges, type DistributionView, positive, runningVersions } from '../distribution/distribution-rules.js';
import type { Release } from './release.js';
import { goesToZero } from './release-orders.js';

type Wanting = Pick<Release, 'candidate'> & { base: Pick<Release['base'], 'weights'>; state: { wanted: { candidateWeightBp: number } } };

/** What a release wants of the distributions that is not so yet; null: it cannot be had now, and nothing is better left as it is. */
export function changesWanted(release: Pick<Release, 'candidate' | 'base' | 'state'>, view: DistributionView): DistributionChanges | null {
  const weights = wantedWeights(release, runningVersions(view));
  if (weights === null) return null;
  const changes = new Map<string, Weights | null>();
  if (goesToZero(release.state))
    for (const [service, own] of view.overrides)
      if (own.has(release.candidate)) changes.set(service, zeroedOverride(release, view, service, own));
  // The app's revision is the one whose way to the proxies is watched: it moves with those of the services.
  if (changes.size > 0 || !sameWeights(weights, view.app)) changes.set('', weights);
  return changes;
}

/** A bad version gets nothing anywhere. Where nobody else has a share, the versions from before the release take over; null: the service follows the app. */
function zeroedOverride(
  { candidate, base }: Pick<Release, 'candidate' | 'base'>,
  view: DistributionView,
  service: string,
  own: Weights,
): Weights | null {
  const running = view.running.get(service) ?? new Set<number>();
  const left = zeroVersion(own, candidate, running) ?? effectiveWeights(without(base.weights, candidate), running);
  return left.size === 0 ? null : positive(left);
}

/**
 * The weights that a release wants now: the candidate's share, and the rest in the proportions that there were before it. Versions that do not run
 * are given nothing; null when nobody who runs could take his part, so that nothing is better left as it is.
 */
function wantedWeights({ candidate, base, state }: Wanting, running: ReadonlySet<number>): Weights | null {
  const { candidateWeightBp } = state.wanted;
  if (candidateWeightBp > 0 && !running.has(candidate)) return null;
  const weights = withShare(effectiveWeights(without(base.weights, candidate), running), candidate, candidateWeightBp);
  return weights && positive(weights);
}

function without(weights: Weights, version: number): Weights {
  return new Map([...weights].filter(([one]) => one !== version));
}

function sameWeights(a: Weights | null, b: Weights | null): boolean {
  if (a === null || b === null) return a === b;
  return a.size === b.size && [...a].every(([version, weightBp]) => b.get(version) === weightBp);
}
