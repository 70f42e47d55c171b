import type { NextFunction, Request, Response } from 'express';
import { DomainError } from './domain-error.js';

export const BODY_LIMIT_BYTES = 1_048_576;

/** Deeper than this nobody means it, and recursion over it would end in a stack overflow. */
const MAX_DEPTH = 32;
/** PostgreSQL's text and jsonb take neither. */
const UNSTORABLE = /\0|\p{Surrogate}/u;
/** Assigning these to an object changes what the object is. */
const RESERVED_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Error middleware, right behind the body parser: what the parser throws, as DomainErrors. */
export function onBodyError(error: unknown, _request: Request, _response: Response, next: NextFunction): void {
  const status: unknown = error instanceof Error && 'status' in error ? error.status : undefined;
  if (status === 413) next(new DomainError('too_large', 'body_too_large', `The body is larger than ${BODY_LIMIT_BYTES} bytes.`));
  else if (status === 415)
    next(
      new DomainError(
        'unsupported_media_type',
        'unsupported_media_type',
        'The body must be UTF-8, and not compressed otherwise than by gzip, deflate or br.',
      ),
    );
  else if (status === 400) next(new DomainError('malformed', 'malformed_json', 'The body is not a valid JSON object.', { cause: error }));
  else next(error);
}

/** Middleware behind that: refuses JSON that is dangerous to handle. 400 malformed_json. */
export function checkJsonBody(request: Request, _response: Response, next: NextFunction): void {
  const refusal = whyDangerous(request.body);
  next(refusal === null ? undefined : new DomainError('malformed', 'malformed_json', refusal));
}

/** Breadth first and without recursion, so that depth costs no stack. */
function whyDangerous(body: unknown): string | null {
  if (Array.isArray(body)) return 'The body must be a JSON object, not a list.';
  let level: unknown[] = [body];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return `The body is nested deeper than ${MAX_DEPTH} levels.`;
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue;
      for (const [key, inner] of Object.entries(value)) {
        if (RESERVED_KEYS.has(key)) return `The body has a field ${key}, which is not allowed.`;
        if (UNSTORABLE.test(key) || (typeof inner === 'string' && UNSTORABLE.test(inner))) {
          return 'The body has a string with a NUL character or half of a surrogate pair, which cannot be stored.';
        }
        if (typeof inner === 'number' && !Number.isFinite(inner))
          return 'The body has a number that is too large: it would be stored as null.';
        if (typeof inner === 'object') next.push(inner);
      }
    }
    level = next;
  }
  return null;
}
