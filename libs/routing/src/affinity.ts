/**
 * Weighted rendezvous hashing. Each version gets from (key, version) a number u, even over (0, 1), and the version with the least
 * −ln(u) / weight wins, which happens with probability weight / sum: the race of exponential clocks.
 *
 * Source: D. G. Thaler, C. V. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates" (1998) for rendezvous; J. Resch, "New
 * Hashing Algorithms for Data Storage" (SNIA SDC 2015) for the weights; R. Moulton, Y. Jiang, "Maximally Consistent Sampling and the
 * Jaccard Index of Probability Distributions" (2018) for how few keys move.
 *
 * What it promises when weights change:
 * - a key moves from version a to b only if b's weight grew by a larger factor than a's. So between two versions, and whenever one
 *   version gains or loses and the others keep their proportions (a stop, zeroing, a canary growing), the winners lose no key and
 *   the share of keys that moves is the least possible: the total variation distance d of the two distributions;
 * - for any other change the share is at most 2d / (1 + d), the bound for any rule that knows only the key and the present weights.
 *   (None reaches d for every pair of distributions: take 50/50/0, 50/0/50 and 0/50/50.)
 */
export function chooseByAffinity(key: string, seeds: Int32Array, weights: Float64Array): number {
  const keyHash = hashKey(key);
  let best = 0;
  let bestScore = -Infinity;
  for (let index = 0; index < seeds.length; index++) {
    const hash = finalise(keyHash ^ (seeds[index] as number)) >>> 0;
    // The half keeps u inside (0, 1). Logarithms are below 0, so the least −ln(u) / weight is the greatest ln(u) / weight.
    const score = Math.log((hash + 0.5) / 2 ** 32) / (weights[index] as number);
    if (score > bestScore) {
      bestScore = score;
      best = index;
    }
  }
  return best;
}

/** Makes the numbers of one version independent of another's. Depends on the version alone, so that no other version matters. */
export function affinitySeed(version: number): number {
  return finalise(Math.imul(version, 0x9e3779b1));
}

/** FNV-1a (Fowler, Noll, Vo) over the bytes of the UTF-16 code units, then finalised: FNV alone leaves the high bits of short keys alike. */
function hashKey(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    const unit = key.charCodeAt(index);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return finalise(hash);
}

/** The 32-bit finaliser of MurmurHash3 (A. Appleby, public domain). */
function finalise(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
