import { affinitySeed, chooseByAffinity } from './affinity.js';
import type { CompiledVersion, RouteChoice, Split } from './compiled.js';

export interface Share<I> {
  version: CompiledVersion<I>;
  /** Integer ≥ 0, in whatever unit; shares without weight are left out. */
  weight: number;
}

export function compileSplit<I>(
  shares: readonly Share<I>[],
  reason: 'weighted' | 'audience' | 'fallback',
  withAffinity: boolean,
): Split<I> {
  const weighted = shares.filter(({ weight }) => weight > 0);
  const cumulative = new Uint32Array(weighted.length);
  let total = 0;
  weighted.forEach(({ weight }, index) => {
    total += weight;
    cumulative[index] = total;
  });
  return {
    choices: weighted.map(({ version }): RouteChoice<I> => ({ ok: true, version, reason, byAffinity: false })),
    cumulative,
    total,
    affinity: withAffinity
      ? {
          choices: weighted.map(
            ({ version }): RouteChoice<I> => ({
              ok: true,
              version,
              reason: reason === 'audience' ? 'audience' : 'affinity',
              byAffinity: true,
            }),
          ),
          seeds: Int32Array.from(weighted, ({ version }) => affinitySeed(version.version)),
          weights: Float64Array.from(weighted, ({ weight }) => weight),
        }
      : null,
  };
}

/** The choice for one request; `undefined` when there is none. Each choice comes with probability weight / total. */
export function chooseFromSplit<I>(split: Split<I>, affinityKey: string | null, random: () => number): RouteChoice<I> | undefined {
  if (split.total === 0) return undefined;
  if (affinityKey !== null && split.affinity !== null) {
    return split.affinity.choices[chooseByAffinity(affinityKey, split.affinity.seeds, split.affinity.weights)];
  }
  const point = Math.floor(random() * split.total);
  return split.choices[firstAbove(split.cumulative, point)];
}

/** Index of the first element above `point`; `sorted` ascends and its last element is above `point`. */
function firstAbove(sorted: Uint32Array, point: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) > point) high = middle;
    else low = middle + 1;
  }
  return low;
}
