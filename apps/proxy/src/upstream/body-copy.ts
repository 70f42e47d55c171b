import type { RequestCopy } from './forwarder.js';

/** Collects a request's content for its copy while it passes by; gives up when it is too large. */
export class BodyCopy {
  #parts: Buffer[] | null = [];
  #bytes = 0;

  constructor(private readonly copy: RequestCopy) {}

  /** The bytes are copied: their buffer belongs to somebody else. */
  add(bytes: Buffer, start: number, end: number): void {
    if (this.#parts === null) return;
    this.#bytes += end - start;
    if (this.#bytes > this.copy.maxBodyBytes) this.#parts = null;
    else this.#parts.push(Buffer.from(bytes.subarray(start, end)));
  }

  /** The body is whole. */
  send(): void {
    if (this.#parts !== null) this.copy.send(Buffer.concat(this.#parts));
  }
}
