/** Draws for one place before the instances are looked through in order: with at most half of them unusable, one in sixteen needs that. */
const DRAWS = 4;

/**
 * The one with fewer requests in flight of two distinct random instances; the first drawn when they are level. Two choices already
 * bring the longest queue from log n / log log n down to log log n, and unlike "the least of all" it needs no scan and does not make
 * every proxy run to the same idle instance.
 *
 * Source: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (IEEE TPDS 12(10), 2001).
 *
 * An instance that is not `usable` is drawn again: constant time as long as a good part of them is. When none is, they are all as good.
 *
 * `random` gives numbers in [0, 1). Throws RangeError when there is no instance: the caller has to look first.
 */
export function pickInstance<I>(
  instances: readonly I[],
  inFlight: (instance: I) => number,
  random: () => number,
  usable: (instance: I) => boolean = always,
): I {
  const count = instances.length;
  if (count === 0) throw new RangeError('there is no instance to pick');
  if (count === 1) return instances[0] as I;
  const firstIndex = drawUsable(instances, random, usable);
  const first = instances[firstIndex] as I;
  for (let draw = 0; draw < DRAWS; draw++) {
    // Drawn from the others, so the two are distinct.
    const drawn = Math.floor(random() * (count - 1));
    const second = instances[drawn < firstIndex ? drawn : drawn + 1] as I;
    if (usable(second)) return inFlight(second) < inFlight(first) ? second : first;
  }
  return first;
}

function drawUsable<I>(instances: readonly I[], random: () => number, usable: (instance: I) => boolean): number {
  const count = instances.length;
  let index = 0;
  for (let draw = 0; draw < DRAWS; draw++) {
    index = Math.floor(random() * count);
    if (usable(instances[index] as I)) return index;
  }
  for (let step = 1; step < count; step++) {
    const next = (index + step) % count;
    if (usable(instances[next] as I)) return next;
  }
  return index;
}

function always(): boolean {
  return true;
}
