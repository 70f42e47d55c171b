import { type ValidationError, ValidationPipe } from '@nestjs/common';
import { DomainError, type FieldError } from './domain-error.js';

/** More than this many errors help nobody, and an answer must not grow with a hostile body. */
const MAX_ERRORS = 50;

/** Bodies and queries as their DTO says: unknown fields are refused, nothing is converted ("90" is not 90). */
export function createValidationPipe(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    transformOptions: { enableImplicitConversion: false, exposeUnsetFields: false },
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    stopAtFirstError: true,
    validationError: { target: false, value: false },
    exceptionFactory: (errors) =>
      new DomainError('malformed', 'validation_failed', 'The request is not what this call takes.', { errors: fieldErrors(errors) }),
  });
}

/** Flat, in order, at most {@link MAX_ERRORS}. */
function fieldErrors(errors: readonly ValidationError[]): FieldError[] {
  const found: FieldError[] = [];
  const visit = (list: readonly ValidationError[], parent: string) => {
    for (const { property, constraints, children } of list) {
      if (found.length >= MAX_ERRORS) return;
      const path = parent === '' ? property : `${parent}.${property}`;
      for (const message of Object.values(constraints ?? {})) found.push({ path, message });
      visit(children ?? [], path);
    }
  };
  visit(errors, '');
  return found.slice(0, MAX_ERRORS);
}
