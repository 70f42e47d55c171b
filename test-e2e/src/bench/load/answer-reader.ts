const HEAD_END = '\r\n\r\n';
const LENGTH = /\r\ncontent-length: *(\d+)/i;

/** Sees where answers with a Content-Length end, in whatever pieces they come. For answers to one request at a time. */
export class AnswerReader {
  #head = '';
  #bodyLeft = -1;

  /** True when `chunk` completes an answer. Throws on what is not a 200 with a length. */
  push(chunk: Uint8Array): boolean {
    let rest = chunk.length;
    if (this.#bodyLeft < 0) {
      this.#head += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1');
      const end = this.#head.indexOf(HEAD_END);
      if (end < 0) return false;
      const length = LENGTH.exec(this.#head.slice(0, end))?.[1];
      if (!this.#head.startsWith('HTTP/1.1 200 ') || length === undefined)
        throw new Error(`not the answer asked for: ${this.#head.slice(0, 200)}`);
      rest = this.#head.length - end - HEAD_END.length;
      this.#bodyLeft = Number(length);
      this.#head = '';
    }
    this.#bodyLeft -= rest;
    if (this.#bodyLeft > 0) return false;
    if (this.#bodyLeft < 0) throw new Error('more than one answer to one request');
    this.#bodyLeft = -1;
    return true;
  }
}
