import {
  APP_VERSION,
  CDN_LOOP,
  CONTENT_LENGTH,
  EXPECT,
  FORWARDED_FOR,
  FORWARDED_HOST,
  FORWARDED_PREFIX,
  FORWARDED_PROTO,
  HOST,
  REQUEST_ID,
  TRACEPARENT,
  TRACESTATE,
  UPGRADE,
} from './field-names.js';
import { CHUNKED, NO_BODY } from './framing.js';
import { keptFields, kindSet, NEVER_FORWARDED } from './head-text.js';
import type { RequestHead } from './request-head.js';
import { ABSOLUTE_FORM } from './request-target.js';

/** What the proxy says to an instance in its own name; what the client said there goes no further. */
export const REQUEST_FIELDS_OF_PROXY = kindSet(
  REQUEST_ID,
  TRACEPARENT,
  TRACESTATE,
  FORWARDED_FOR,
  FORWARDED_PROTO,
  FORWARDED_HOST,
  FORWARDED_PREFIX,
  APP_VERSION,
  CDN_LOOP,
);

export interface RequestRewrite {
  /** Path and query for the instance, in origin form (`*` for OPTIONS of the whole server). */
  target: string;
  /** Value of Host; `null` passes the effective authority of the request on. */
  host: string | null;
  /** Kinds of the client's fields to leave out, above those that are hop-by-hop; mostly {@link REQUEST_FIELDS_OF_PROXY}. */
  dropped: number;
  /** Ask the instance to switch protocols, as the client did; only when `head.upgrade`. */
  upgrade: boolean;
}

/**
 * The head that an instance gets, as a latin1 string: HTTP/1.1 whatever the client spoke, a persistent connection, the same framing.
 * @param text the client's head, whole and valid (HeadInput.text)
 * @param additions field lines to add, each with its CRLF (see fieldLine)
 */
export function writeRequestHead(head: RequestHead, text: string, rewrite: RequestRewrite, additions: string): string {
  return `${startRequestHead(head, text, rewrite)}${additions}\r\n`;
}

/** That head without the additions and the empty line: the same for the same `text` and `rewrite`. */
export function startRequestHead(head: RequestHead, text: string, rewrite: RequestRewrite): string {
  let dropped = NEVER_FORWARDED | rewrite.dropped;
  let own = '';
  const { fields } = head;
  const passesHost = rewrite.host === null && (fields.seen & (1 << HOST)) !== 0 && head.targetForm !== ABSOLUTE_FORM;
  if (!passesHost) {
    dropped |= 1 << HOST;
    own = `Host: ${rewrite.host ?? text.slice(head.hostStart, head.hostEnd)}\r\n`;
  }
  if (head.framing === CHUNKED) own += 'Transfer-Encoding: chunked\r\n';
  if (!head.contentLengthCanonical) {
    dropped |= 1 << CONTENT_LENGTH;
    own += `Content-Length: ${head.contentLength}\r\n`;
  }
  // RFC 9110 §8.6: a method that gives content a meaning says that there is none.
  const saysNothing = head.framing === NO_BODY && (fields.seen & (1 << CONTENT_LENGTH)) === 0;
  if (saysNothing && !WITHOUT_CONTENT.has(head.method)) own += 'Content-Length: 0\r\n';
  // An HTTP/1.0 client's expectation does not count (RFC 9110 §10.1.1); in HTTP/1.1 to the instance it would.
  if (head.minorVersion === 0) dropped |= 1 << EXPECT;
  if (rewrite.upgrade && head.upgrade) {
    dropped &= ~UPGRADE_BIT;
    own += 'Connection: Upgrade\r\n';
  }
  return `${head.method} ${rewrite.target} HTTP/1.1\r\n${keptFields(text, fields, dropped)}${own}`;
}

const WITHOUT_CONTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);
const UPGRADE_BIT = kindSet(UPGRADE);
