import { createHash } from 'node:crypto';

/** Numbers in [0, 1), the same for the same seed and name, whatever other names draw. */
export function seeded(seed: number, name: string): () => number {
  let drawn = 0;
  return () => createHash('sha256').update(`${seed}/${name}/${drawn++}`).digest().readUInt32BE() / 2 ** 32;
}

/** One of them. Throws RangeError when there is none. */
export function oneOf<T>(choices: readonly T[], random: () => number): T {
  const chosen = choices[Math.floor(random() * choices.length)];
  if (chosen === undefined) throw new RangeError('nothing to choose from');
  return chosen;
}
