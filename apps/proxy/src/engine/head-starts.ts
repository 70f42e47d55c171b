import { MAX_REPEATED_BYTES } from '../http1/head-input.js';
import type { RequestHead } from '../http1/request-head.js';
import type { ResponseHead } from '../http1/response-head.js';
import { REQUEST_FIELDS_OF_PROXY, startRequestHead } from '../http1/write-request.js';
import { RESPONSE_FIELDS_OF_PROXY, type ResponseRewrite, startResponseHead } from '../http1/write-response.js';

/**
 * What the heads to instances and clients begin with, the same for the same head that came: written anew only when that has changed, which
 * is a comparison of strings that are mostly one and the same.
 */
export class HeadStarts {
  private requestText = '';
  private target = '';
  private lines = '';
  private requestStart = '';
  private requestRepeats = false;
  private answerText = '';
  private connection: ResponseRewrite['connection'] = 'unsaid';
  private chunked = false;
  private answerStart = '';
  private answerRepeats = false;

  /** @param text the whole head that `head` was scanned from @param lines field lines to be added that are the same for it */
  ofRequest(head: RequestHead, text: string, target: string, lines: string): string {
    if (text === this.requestText && target === this.target && lines === this.lines) {
      if (!this.requestRepeats) this.requestStart = flat(this.requestStart);
      this.requestRepeats = true;
      return this.requestStart;
    }
    const start = startRequestHead(head, text, { target, host: null, dropped: REQUEST_FIELDS_OF_PROXY, upgrade: true }) + lines;
    if (text.length > MAX_REPEATED_BYTES) return start;
    this.requestText = text;
    this.target = target;
    this.lines = lines;
    this.requestStart = start;
    this.requestRepeats = false;
    return start;
  }

  ofAnswer(head: ResponseHead, text: string, connection: ResponseRewrite['connection'], chunked: boolean): string {
    if (text === this.answerText && connection === this.connection && chunked === this.chunked) {
      if (!this.answerRepeats) this.answerStart = flat(this.answerStart);
      this.answerRepeats = true;
      return this.answerStart;
    }
    const start = startResponseHead(head, text, { dropped: RESPONSE_FIELDS_OF_PROXY, connection, chunked });
    if (text.length > MAX_REPEATED_BYTES) return start;
    this.answerText = text;
    this.connection = connection;
    this.chunked = chunked;
    this.answerStart = start;
    this.answerRepeats = false;
    return start;
  }
}

/** The same string in one piece: one that was put together is taken apart again at each write. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
