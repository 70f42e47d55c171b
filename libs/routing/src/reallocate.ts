import { TOTAL_BP, type Weights } from './weights.js';

/**
 * The weights after version `leaving` has left (CONTRACT §3 rule 2): its weight moves to the other eligible (running) versions in
 * proportion to their weights, in basis points, largest remainder first, lower version on ties. The sum stays {@link TOTAL_BP},
 * and no version that stays eligible loses anything.
 *
 * A version that is stored with a weight but not eligible (it crashed for good, say) cannot serve, so its weight moves in the same
 * step and it leaves the map too. A version that leaves with no weight changes nobody's share: it is only removed.
 *
 * `null` when the eligible others have no weight at all: nobody to take over (rule 3), the caller decides.
 */
export function reallocate(weights: Weights, leaving: number, eligible: ReadonlySet<number>): Weights | null {
  if ((weights.get(leaving) ?? 0) === 0) return without(weights, leaving);
  const rest = apportion(restrict(without(weights, leaving), eligible));
  return rest.size === 0 ? null : rest;
}

/** Like {@link reallocate}, but `version` stays, with 0: how its traffic is taken away while its instances keep running. */
export function zeroVersion(weights: Weights, version: number, eligible: ReadonlySet<number>): Weights | null {
  if ((weights.get(version) ?? 0) === 0) return weights;
  const rest = reallocate(weights, version, eligible);
  return rest === null ? null : new Map([...rest, [version, 0] as const].sort(([left], [right]) => left - right));
}

/**
 * What a service really follows: the stored weights restricted to the versions in which it runs, brought to {@link TOTAL_BP} by the
 * same rule. A running version that is not stored is not listed: it has 0. Empty when the restricted weights are all 0: zero means
 * zero, so such a service gets no traffic that does not pin a version.
 *
 * Always start from the stored weights. Chaining (an effective map of an effective map) rounds twice and can differ, unless every
 * version with weight runs; then `effectiveWeights(stored, running without v)` equals `reallocate(stored, v, running)`.
 */
export function effectiveWeights(stored: Weights, running: ReadonlySet<number>): Weights {
  return apportion(restrict(stored, running));
}

/** Hare quota with largest remainders (Hamilton's method), in integers: weightBp × 10000 stays far below 2^53. Empty when all are 0. */
function apportion(weights: Weights): Weights {
  let sum = 0;
  for (const weightBp of weights.values()) sum += weightBp;
  if (sum === 0) return new Map();
  if (sum === TOTAL_BP) return new Map([...weights].sort(([left], [right]) => left - right));
  let left = TOTAL_BP;
  const shares = Array.from(weights, ([version, weightBp]) => {
    const remainder = (weightBp * TOTAL_BP) % sum;
    const quotaBp = (weightBp * TOTAL_BP - remainder) / sum;
    left -= quotaBp;
    return { version, quotaBp, remainder };
  });
  // What is left is fewer basis points than there are remainders above 0, so a version with 0 stays at 0.
  shares.sort((a, b) => b.remainder - a.remainder || a.version - b.version);
  for (const share of shares.slice(0, left)) share.quotaBp += 1;
  shares.sort((a, b) => a.version - b.version);
  return new Map(shares.map(({ version, quotaBp }) => [version, quotaBp]));
}

function restrict(weights: Weights, versions: ReadonlySet<number>): Weights {
  return new Map([...weights].filter(([version]) => versions.has(version)));
}

function without(weights: Weights, version: number): Weights {
  return new Map([...weights].filter(([other]) => other !== version));
}
