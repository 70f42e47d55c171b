import { LF } from './bytes.js';
import { NEED_MORE } from './field-block.js';

/** The part of a head scanner that {@link HeadInput} needs. */
interface HeadScanner {
  readonly end: number;
  /** After `begin`: would the bytes of the last whole head be read as they were read then? */
  readonly wouldRepeat: boolean;
  scan(bytes: Uint8Array, base: number, end: number): number;
}

/**
 * Feeds one head scanner from the pieces in which heads arrive. A head that is whole in one piece, which is nearly every one, is
 * scanned where it is; else the piece is copied into a small buffer of its own. Afterwards `bytes` and `base` say where the head is.
 *
 * Clients and instances mostly say the same again and again: a head with the very bytes of the one before is not scanned, since the scanner still holds what it found there.
 */
export class HeadInput {
  /** Where the head is: the last piece itself (valid as long as that is), or the copy. */
  bytes: Buffer = EMPTY;
  base = 0;
  /** The head just read has the bytes of the one before. */
  repeated = false;

  private kept: Buffer | null = null;
  private keptBytes = 0;
  /** The last whole head, as the scanner holds it; `''`: none, or one that was not asked for or is long. */
  private last = '';
  /** What was taken from the piece to be compared: it may be the text of the next head. */
  private compared = '';

  /** @param maxBytes the scanner's `headBytes`: more is never copied, since it refuses a head that long */
  constructor(private readonly maxBytes: number) {}

  /** Begin a new head (and the scanner's `begin`); lets the last one go. */
  begin(): void {
    this.kept = null;
    this.keptBytes = 0;
    this.bytes = EMPTY;
  }

  /**
   * @returns the index in `piece` after the head, {@link NEED_MORE} (all of the piece is taken) or `REFUSED`
   */
  read(head: HeadScanner, piece: Buffer, start: number, end: number): number {
    if (this.kept === null) {
      this.repeated = this.repeats(head, piece, start, end);
      if (this.repeated) return start + this.last.length;
      this.last = '';
      const result = head.scan(piece, start, end);
      this.bytes = piece;
      this.base = start;
      if (result === NEED_MORE && end > start) this.keep(piece, start, end);
      return result;
    }
    this.repeated = false;
    this.compared = '';
    const before = this.keptBytes;
    this.keep(piece, start, end);
    const result = head.scan(this.bytes, 0, this.keptBytes);
    return result < 0 ? result : start + result - before;
  }

  /** The head as a string, one character a byte: the scanner's offsets index it too. */
  text(head: HeadScanner): string {
    if (this.last !== '') return this.last;
    const { compared } = this;
    const text = compared.length === head.end ? compared : this.bytes.toString('latin1', this.base, this.base + head.end);
    if (text.length <= MAX_REPEATED_BYTES) this.last = text;
    return text;
  }

  private repeats(head: HeadScanner, piece: Buffer, start: number, end: number): boolean {
    const { last } = this;
    const stop = start + last.length;
    this.compared = '';
    // Any head ends with a line feed: one that is longer or shorter is mostly seen here.
    if (last === '' || stop > end || piece[stop - 1] !== LF || !head.wouldRepeat) return false;
    this.compared = piece.toString('latin1', start, stop);
    return this.compared === last;
  }

  private keep(piece: Buffer, start: number, end: number): void {
    const bytes = Math.min(end - start, this.maxBytes - this.keptBytes);
    this.kept = grown(this.kept, this.keptBytes, this.keptBytes + bytes, this.maxBytes);
    piece.copy(this.kept, this.keptBytes, start, start + bytes);
    this.keptBytes += bytes;
    this.bytes = this.kept;
    this.base = 0;
  }
}

const EMPTY = Buffer.alloc(0);
/** A longer head is not remembered for its connection. */
export const MAX_REPEATED_BYTES = 4_096;
const FIRST_BYTES = 1024;

/** Doubles from 1 KiB on, so that a slow client costs what it sent and not the maximum. */
function grown(kept: Buffer | null, used: number, needed: number, maxBytes: number): Buffer {
  if (kept !== null && kept.length >= needed) return kept;
  let bytes = FIRST_BYTES;
  while (bytes < needed) bytes *= 2;
  const larger = Buffer.allocUnsafeSlow(Math.min(bytes, Math.max(maxBytes, needed)));
  kept?.copy(larger, 0, 0, used);
  return larger;
}
