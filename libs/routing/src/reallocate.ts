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
 * `version` gets exactly `weightBp`, the others share the rest in proportion to their weights, by the same rule. Start from the same weights
 * each time: so a share that goes up step by step, and back to 0, leaves no rounding behind. `null` when nobody could have the rest.
 */
export function withShare(weights: Weights, version: number, weightBp: number): Weights | null {
  const rest = apportion(without(weights, version), TOTAL_BP - weightBp);
  if (rest.size === 0 && weightBp < TOTAL_BP) return null;
  return new Map([...rest, [version, weightBp] as const].sort(([left], [right]) => left - right));
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
function apportion(weights: Weights, totalBp = TOTAL_BP): Weights {
  let sum = 0;
  for (const weightBp of weights.values()) sum += weightBp;
  if (sum === 0) return new Map();
  if (sum === totalBp) return new Map([...weights].sort(([left], [right]) => left - right));
  let left = totalBp;
  const shares = Array.from(weights, ([version, weightBp]) => {
    const remainder = (weightBp * totalBp) % sum;
    const quotaBp = (weightBp * totalBp - remainder) / sum;
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
