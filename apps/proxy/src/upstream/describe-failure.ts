import type { Problem, ProblemCode } from '../http/problems.js';

/** Of a request or an answer whose codings Node reads past: whoever got it would take their bytes for the content. */
export const UNSUPPORTED_CODING = 'The only transfer coding that is supported is chunked.';

export const HEAD_TOO_LARGE: Problem = { code: 'header_too_large', detail: 'The head of the request is too large.' };

/** The code and text for an attempt that failed for good. */
export function describeFailure(connected: boolean, error: Error & { code?: string }): [ProblemCode, string] {
  if (!connected) return ['upstream_connect_failed', `No connection to the instance (${error.code ?? 'error'}).`];
  if (isParseError(error)) return ['upstream_bad_response', `The instance's answer is not HTTP/1.1 (${error.code}).`];
  return ['upstream_reset', `The instance closed the connection before it answered (${error.code ?? 'error'}).`];
}

export function isParseError(error: { code?: string }): boolean {
  return error.code?.startsWith('HPE_') === true;
}

/** What is said of what Node's parser refuses of a client. */
export function describeClientError(code: string | undefined): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return HEAD_TOO_LARGE;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { code: 'request_timeout', detail: 'The head of the request did not arrive in time.' };
    default:
      return { code: 'bad_request', detail: `This is not an HTTP/1.1 request (${code ?? 'unknown error'}).` };
  }
}
