import type { NextFunction, Request, Response } from 'express';
import { DomainError } from './domain-error.js';

/** Middleware: 400 malformed_url when a `%` in the path is not followed by two hex digits that make valid UTF-8. */
export function checkUrl(request: Request, _response: Response, next: NextFunction): void {
  try {
    decodeURIComponent(request.path);
    next();
  } catch {
    next(new DomainError('malformed', 'malformed_url', 'The path is not validly percent-encoded UTF-8.'));
  }
}
