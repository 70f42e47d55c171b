import type { Socket } from 'node:net';

const MAX_HELD_BYTES = 16_384;

/** Bytes of a client that cannot be taken yet. Reading goes on until they are many: only who reads learns that the client has ended its side. */
export class HeldBytes {
  private bytes: Buffer | null = null;
  private endBehind = false;

  constructor(private readonly socket: Socket) {}

  get none(): boolean {
    return this.bytes === null;
  }

  /** The client ended its side behind what was held. */
  get ended(): boolean {
    return this.endBehind;
  }

  add(bytes: Buffer, start: number, end: number): void {
    const more = bytes.subarray(start, end);
    this.bytes = this.bytes === null ? Buffer.from(more) : Buffer.concat([this.bytes, more]);
    if (this.many) this.socket.pause();
  }

  /** The client ends its side. @returns whether that has to wait until what is held was taken */
  end(): boolean {
    this.endBehind = this.bytes !== null;
    return this.endBehind;
  }

  /** What was held, and is no longer. */
  takeOut(): Buffer | null {
    const { bytes } = this;
    this.bytes = null;
    return bytes;
  }

  readOn(): void {
    if (!this.many) this.socket.resume();
  }

  private get many(): boolean {
    return this.bytes !== null && this.bytes.length >= MAX_HELD_BYTES;
  }
}
