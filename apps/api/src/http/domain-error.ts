/** What kind of failure it is; http/problem.ts turns it into a status. Domain code knows nothing of HTTP. */
export type ErrorKind =
  | 'malformed'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'conflict'
  | 'precondition'
  | 'too_large'
  | 'unsupported_media_type'
  | 'unprocessable'
  | 'too_many'
  | 'timeout'
  | 'expectation'
  | 'headers_too_large'
  | 'unavailable';

/** One field that is wrong. `path` is dotted, e.g. `programs.0.name`; empty for the body as a whole. */
export interface FieldError {
  path: string;
  message: string;
}

export interface DomainErrorOptions {
  /** Further members of the answer, for programs: what is allowed instead, what is missing. */
  members?: Readonly<Record<string, unknown>>;
  errors?: readonly FieldError[];
  cause?: unknown;
}

/**
 * An operating error that the caller is told of. `code` is stable and snake_case: scripts depend on it. `detail` is one or two
 * sentences for a human, without secrets. A programmer's error is not a DomainError: throw a plain Error, which becomes a 500.
 */
export class DomainError extends Error {
  readonly errors: readonly FieldError[];
  readonly members: Readonly<Record<string, unknown>>;

  constructor(
    readonly kind: ErrorKind,
    readonly code: string,
    readonly detail: string,
    options: DomainErrorOptions = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DomainError';
    this.errors = options.errors ?? [];
    this.members = options.members ?? {};
  }
}
