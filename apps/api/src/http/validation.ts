import { type ValidationError, ValidationPipe } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { DomainError, type FieldError } from './domain-error.js';

/** More than this many errors help nobody, and an answer must not grow with a hostile body. */
const MAX_ERRORS = 50;

const RULES = { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true } as const;

/** Said before all else of a field: that the text "1" is greater than a maximum helps nobody. */
const TYPE_RULES: ReadonlySet<string> = new Set(['isArray', 'isBoolean', 'isInt', 'isNumber', 'isObject', 'isString']);

/** Bodies and queries as their DTO says: unknown fields are refused, nothing is converted ("90" is not 90). */
export function createValidationPipe(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    transformOptions: { enableImplicitConversion: false, exposeUnsetFields: false },
    ...RULES,
    validationError: { target: false, value: false },
    exceptionFactory: (errors) =>
      new DomainError('malformed', 'validation_failed', 'The request is not what this call takes.', { errors: fieldErrors(errors) }),
  });
}

/** The same for one value inside of a body, e.g. of a map, which class-validator does not look into. `path`: where it stands. */
export function validateValue<T extends object>(Dto: new () => T, value: unknown, path: string): { value: T; errors: FieldError[] } {
  const instance = plainToInstance(Dto, value);
  if (!(instance instanceof Dto)) return { value: instance, errors: [{ path, message: 'must be an object' }] };
  return { value: instance, errors: fieldErrors(validateSync(instance, RULES), path) };
}

/** Flat, in order, one for each field, at most {@link MAX_ERRORS}. */
function fieldErrors(errors: readonly ValidationError[], parent = ''): FieldError[] {
  const found: FieldError[] = [];
  const visit = (list: readonly ValidationError[], parent: string) => {
    for (const { property, constraints, children } of list) {
      if (found.length >= MAX_ERRORS) return;
      const path = parent === '' ? property : `${parent}.${property}`;
      const broken = Object.entries(constraints ?? {});
      const [, message] = broken.find(([rule]) => TYPE_RULES.has(rule)) ?? broken[0] ?? [];
      if (message !== undefined) found.push({ path, message });
      visit(children ?? [], path);
    }
  };
  visit(errors, parent);
  return found.slice(0, MAX_ERRORS);
}
