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
  private requestStart = '';
  private answerText = '';
  private connection: ResponseRewrite['connection'] = 'unsaid';
  private chunked = false;
  private answerStart = '';

  /** @param text the whole head that `head` was scanned from */
  ofRequest(head: RequestHead, text: string, target: string): string {
    if (text === this.requestText && target === this.target) return this.requestStart;
    const start = startRequestHead(head, text, { target, host: null, dropped: REQUEST_FIELDS_OF_PROXY, upgrade: true });
    if (text.length > MAX_REPEATED_BYTES) return start;
    this.requestText = text;
    this.target = target;
    this.requestStart = start;
    return start;
  }

  ofAnswer(head: ResponseHead, text: string, connection: ResponseRewrite['connection'], chunked: boolean): string {
    if (text === this.answerText && connection === this.connection && chunked === this.chunked) return this.answerStart;
    const start = startResponseHead(head, text, { dropped: RESPONSE_FIELDS_OF_PROXY, connection, chunked });
    if (text.length > MAX_REPEATED_BYTES) return start;
    this.answerText = text;
    this.connection = connection;
    this.chunked = chunked;
    this.answerStart = start;
    return start;
  }
}
