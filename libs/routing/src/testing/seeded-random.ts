/** Mulberry32 (T. Ettinger, public domain): the same numbers in [0, 1) for the same seed, so that a test of chance cannot flicker. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How far a count of `trials` with probability `share` may be off with 99.9 % confidence (normal approximation, two-sided). */
export function binomialBound(trials: number, share: number): number {
  return 3.29 * Math.sqrt(trials * share * (1 - share)) + 1;
}
