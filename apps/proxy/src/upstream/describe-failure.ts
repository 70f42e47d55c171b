import type { ProblemCode } from '../http/problems.js';

/** The code and text for an attempt that failed for good. */
export function describeFailure(connected: boolean, error: Error & { code?: string }): [ProblemCode, string] {
  if (!connected) return ['upstream_connect_failed', `No connection to the instance (${error.code ?? 'error'}).`];
  if (isParseError(error)) return ['upstream_bad_response', `The instance's answer is not HTTP/1.1 (${error.code}).`];
  return ['upstream_reset', `The instance closed the connection before it answered (${error.code ?? 'error'}).`];
}

export function isParseError(error: { code?: string }): boolean {
  return error.code?.startsWith('HPE_') === true;
}
