import type { Peer } from './peers/peer.js';

/** A peer that could not be measured is named all the same, with what would bring it here. */
export function rowOfMissing({ name, install }: Peer, columns: number): string[] {
  return [`${name}: not installed (${install})`, ...Array<string>(columns - 1).fill('')];
}
