import { Param, type PipeTransform } from '@nestjs/common';
import { DomainError } from './domain-error.js';

/** What namespaces, artifacts, apps, programs, aliases and instances may be called. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

function isName(text: string): boolean {
  return NAME_PATTERN.test(text);
}

/** Parameter decorator: a path segment that must be a name; 400 invalid_name when it is not one. */
export const NameParam = (parameter: string) => Param(parameter, new NamePipe(parameter));

class NamePipe implements PipeTransform<string, string> {
  constructor(private readonly parameter: string) {}

  transform(value: string): string {
    return requireName(this.parameter, value);
  }
}

/** The value if it is a name; 400 invalid_name that names the parameter otherwise. */
export function requireName(parameter: string, value: string | undefined): string {
  if (value !== undefined && isName(value)) return value;
  const message = 'must be 1 to 128 of A-Z a-z 0-9 . _ - and begin with a letter or digit';
  throw new DomainError('malformed', 'invalid_name', `The ${parameter} in the path ${message}.`, {
    errors: [{ path: parameter, message }],
  });
}
