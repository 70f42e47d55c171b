/**
 * Bytes are read into memory that is used again and again: to allocate 64 KiB for each read, as streams do, costs more than all of the
 * proxy's work on a small request.
 */
const BUFFER_BYTES = 65_536;
/** A read of so many bytes inside a body: more will follow at once. */
export const LONG_READ_BYTES = 32_768;
/** For connections in the middle of a long body; as many are kept for the next ones. */
const MAX_SPARE = 64;
const spare: Buffer[] = [];

/** What every read goes into that may bring a head. Valid until the callback that got it returns: what has to stay longer is copied. */
export const SHARED_BUFFER = Buffer.allocUnsafeSlow(BUFFER_BYTES);

/** Where one connection reads into. */
export class ReadBuffer {
  private own: Buffer | null = null;

  /** For the next read. @param long much is to come that is passed on as it is: the buffer may then stay in use for as long as that takes */
  next(long: boolean): Buffer {
    if (!long) {
      this.release();
      return SHARED_BUFFER;
    }
    this.own ??= spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    return this.own;
  }

  /** What was read last is still on its way: the next read needs other memory. */
  giveAway(): void {
    this.own = null;
  }

  release(): void {
    if (this.own !== null && spare.length < MAX_SPARE) spare.push(this.own);
    this.own = null;
  }
}
