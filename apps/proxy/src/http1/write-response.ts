import { APP_VERSION, ARTIFACT_VERSION, CONTENT_LENGTH, REQUEST_ID, ROUTE_REASON, TRAILER, UPGRADE } from './field-names.js';
import { keptFields, kindSet, NEVER_FORWARDED } from './head-text.js';
import type { ResponseHead } from './response-head.js';

/** What the proxy says to a client in its own name; what the instance said there goes no further. */
export const RESPONSE_FIELDS_OF_PROXY = kindSet(REQUEST_ID, APP_VERSION, ARTIFACT_VERSION, ROUTE_REASON);

export interface ResponseRewrite {
  /** Kinds of the instance's fields to leave out, above those that are hop-by-hop; mostly {@link RESPONSE_FIELDS_OF_PROXY}. */
  dropped: number;
  /** What is said of the connection to the client: nothing, that it closes, or (to an HTTP/1.0 client) that it stays. */
  connection: 'unsaid' | 'close' | 'keep-alive';
  /**
   * Say `Transfer-Encoding: chunked`: the content goes out in chunks. False for an HTTP/1.0 client and for content without chunks.
   * For a HEAD it may repeat what the instance said.
   */
  chunked: boolean;
}

/**
 * The head that the client gets, as a latin1 string, always HTTP/1.1 (RFC 9110 §6.2). For a 101 it keeps the switch.
 * @param text the instance's head, whole and valid (HeadInput.text)
 * @param additions field lines to add, each with its CRLF (see fieldLine)
 */
export function writeResponseHead(head: ResponseHead, text: string, rewrite: ResponseRewrite, additions: string): string {
  return `${startResponseHead(head, text, rewrite)}${additions}\r\n`;
}

/** That head without the additions and the empty line: the same for the same `text` and `rewrite`. */
export function startResponseHead(head: ResponseHead, text: string, rewrite: ResponseRewrite): string {
  let dropped = NEVER_FORWARDED | rewrite.dropped;
  let own = '';
  const { status } = head;
  // Neither may have a length (RFC 9110 §8.6); the scanner lets a zero in.
  if (status < 200 || status === 204) dropped |= 1 << CONTENT_LENGTH;
  else if (!head.contentLengthCanonical) {
    dropped |= 1 << CONTENT_LENGTH;
    own += `Content-Length: ${head.contentLength}\r\n`;
  }
  if (head.upgrade) {
    dropped &= ~UPGRADE_BIT;
    own += 'Connection: Upgrade\r\n';
  } else if (rewrite.connection !== 'unsaid') own += rewrite.connection === 'close' ? CLOSE : KEEP_ALIVE;
  if (rewrite.chunked) own += 'Transfer-Encoding: chunked\r\n';
  // Without chunks there is no trailer section to announce.
  else dropped |= TRAILER_BIT;
  const reason = text.slice(head.reasonStart, head.reasonEnd);
  return `HTTP/1.1 ${status} ${reason}\r\n${keptFields(text, head.fields, dropped)}${own}`;
}

const UPGRADE_BIT = kindSet(UPGRADE);
const TRAILER_BIT = kindSet(TRAILER);
const CLOSE = 'Connection: close\r\n';
const KEEP_ALIVE = 'Connection: keep-alive\r\n';
