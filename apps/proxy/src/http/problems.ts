import { STATUS_CODES } from 'node:http';

/** Every answer that the proxy makes itself: its stable code, status and title. CONTRACT §4 fixes the codes. */
export const PROBLEMS = {
  bad_request: { status: 400, title: 'Bad request' },
  bad_version_header: { status: 400, title: 'Bad version header' },
  route_not_found: { status: 404, title: 'Route not found' },
  app_not_found: { status: 404, title: 'App not found' },
  service_not_found: { status: 404, title: 'Service not found' },
  version_not_found: { status: 404, title: 'Version not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  request_timeout: { status: 408, title: 'Request timeout' },
  expectation_failed: { status: 417, title: 'Expectation failed' },
  method_not_supported: { status: 501, title: 'Method not supported' },
  version_not_supported: { status: 505, title: 'HTTP version not supported' },
  body_too_large: { status: 413, title: 'Body too large' },
  uri_too_long: { status: 414, title: 'URI too long' },
  header_too_large: { status: 431, title: 'Request header fields too large' },
  internal_error: { status: 500, title: 'Internal error' },
  upgrade_not_supported: { status: 501, title: 'Upgrade not supported' },
  upstream_connect_failed: { status: 502, title: 'No connection to the instance' },
  upstream_reset: { status: 502, title: 'The instance broke off' },
  upstream_bad_response: { status: 502, title: 'The instance sent a bad response' },
  throttled: { status: 429, title: 'Too many requests' },
  version_unavailable: { status: 503, title: 'Version unavailable' },
  no_instance: { status: 503, title: 'No instance' },
  not_ready: { status: 503, title: 'Not ready' },
  overloaded: { status: 503, title: 'Overloaded' },
  loop_detected: { status: 508, title: 'Loop detected' },
  upstream_timeout: { status: 504, title: 'The instance did not answer in time' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Codes that a client may try again after a moment. */
const RETRY_AFTER_SECONDS: Partial<Record<ProblemCode, number>> = { not_ready: 1, overloaded: 1, no_instance: 1, version_unavailable: 1 };

export interface Problem {
  code: ProblemCode;
  detail: string;
  /** When to try again; where it is absent, the code decides. */
  retryAfterSeconds?: number;
}

export interface RenderedProblem {
  status: number;
  /** Flat list, `Content-Length` included. */
  headers: string[];
  body: string;
}

/** RFC 9457 document; `instance` names the request, so that a user can quote it and a log line be found. */
export function renderProblem(problem: Problem, requestId: string, ownHeaders: readonly string[] = []): RenderedProblem {
  const { status, title } = PROBLEMS[problem.code];
  const body = `${JSON.stringify({
    type: `urn:app-fabric:problem:${problem.code}`,
    title,
    status,
    detail: problem.detail,
    code: problem.code,
    instance: `urn:request:${requestId}`,
  })}\n`;
  const retryAfter = problem.retryAfterSeconds ?? RETRY_AFTER_SECONDS[problem.code];
  const headers = [
    'Content-Type',
    'application/problem+json',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Cache-Control',
    'no-store',
  ];
  if (retryAfter !== undefined) headers.push('Retry-After', String(retryAfter));
  headers.push(...ownHeaders);
  return { status, headers, body };
}

/** The answer as it stands on the wire. @param connection what is said of the client's connection; `null`: nothing */
export function problemText({ status, headers, body }: RenderedProblem, connection: 'close' | 'keep-alive' | null): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  if (connection !== null) text += `Connection: ${connection}\r\n`;
  return `${text}\r\n${body}`;
}
