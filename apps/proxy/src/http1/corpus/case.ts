import type { REFUSALS } from '../scan-error.js';

/** One stream of bytes and what has to become of it: a row of the case tables, and a seed of the fuzz. */
export interface StreamCase {
  /** The rule, by its section: of RFC 9112 unless it says 9110 or 3986. */
  section: string;
  name: string;
  /** One character a byte. */
  bytes: string;
  /** How many whole messages are read, or why the stream is refused. */
  outcome: number | keyof typeof REFUSALS;
  /** The request was a HEAD (responses only). */
  toHead?: true;
}
