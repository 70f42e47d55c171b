/**
 * The one with fewer requests in flight of two distinct random instances; the first drawn when they are level. Two choices already
 * bring the longest queue from log n / log log n down to log log n, and unlike "the least of all" it needs no scan and does not make
 * every proxy run to the same idle instance.
 *
 * Source: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (IEEE TPDS 12(10), 2001).
 *
 * `random` gives numbers in [0, 1). Throws RangeError when there is no instance: the caller has to look first.
 */
export function pickInstance<I>(instances: readonly I[], inFlight: (instance: I) => number, random: () => number): I {
  const count = instances.length;
  if (count === 0) throw new RangeError('there is no instance to pick');
  if (count === 1) return instances[0] as I;
  const firstIndex = Math.floor(random() * count);
  // Drawn from the others, so the two are distinct.
  const drawn = Math.floor(random() * (count - 1));
  const first = instances[firstIndex] as I;
  const second = instances[drawn < firstIndex ? drawn : drawn + 1] as I;
  return inFlight(second) < inFlight(first) ? second : first;
}
