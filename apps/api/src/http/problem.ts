import { STATUS_CODES } from 'node:http';
import type { DomainError, ErrorKind, FieldError } from './domain-error.js';

/** RFC 9457, with a stable `code`. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  errors?: readonly FieldError[];
  /** The request's id, as in the log. */
  requestId?: string;
}

export const PROBLEM_TYPE = 'application/problem+json';

/** The one place where HTTP statuses of errors are decided. */
const STATUS: Record<ErrorKind, number> = {
  malformed: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  precondition: 412,
  too_large: 413,
  unsupported_media_type: 415,
  unprocessable: 422,
  timeout: 408,
  expectation: 417,
  too_many: 429,
  headers_too_large: 431,
  unavailable: 503,
};

export function toProblem(error: DomainError, requestId?: string): Problem {
  const { kind, code, detail, errors, members } = error;
  const known = problem(STATUS[kind], code, detail, {
    ...(STATUS[kind] === 400 ? { errors } : {}),
    ...(requestId === undefined ? {} : { requestId }),
  });
  return { ...known, ...members, ...known };
}

export function problem(status: number, code: string, detail: string, more: Pick<Problem, 'errors' | 'requestId'> = {}): Problem {
  return { type: `urn:app-fabric:problem:${code}`, title: STATUS_CODES[status] ?? 'Error', status, detail, code, ...more };
}
