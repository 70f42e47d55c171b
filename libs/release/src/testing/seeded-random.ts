/** Kept apart: reading a global is slow in the contexts that tests run in. */
const { imul } = Math;

/** Mulberry32 (T. Ettinger, public domain): the same numbers in [0, 1) for the same seed, so that a test of chance cannot flicker. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
