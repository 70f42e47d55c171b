import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import type { Request } from 'express';
import { DomainError } from './domain-error.js';

/** Parameter decorator: `?dryRun=`, false when absent. Anything but `true` and `false`, and `?dryrun=`, is 400 invalid_dry_run: nobody changes something by a typing error. */
export const DryRun = createParamDecorator((_: unknown, context: ExecutionContext): boolean =>
  dryRunOf(context.switchToHttp().getRequest<Request>().query),
);

export const ApiDryRun = () =>
  ApiQuery({
    name: 'dryRun',
    required: false,
    description: '`true`: the full answer, nothing changed.',
    schema: { type: 'boolean', default: false },
  });

export function dryRunOf(query: Record<string, unknown>): boolean {
  const written = Object.keys(query).find((name) => name !== 'dryRun' && /^dry[-_]?run$/i.test(name));
  if (written !== undefined) throw invalid(`The parameter is dryRun, not ${written}.`);
  return parseDryRun(query.dryRun);
}

function parseDryRun(value: unknown): boolean {
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  throw invalid('dryRun must be true or false.');
}

function invalid(detail: string): DomainError {
  return new DomainError('malformed', 'invalid_dry_run', detail, { errors: [{ path: 'dryRun', message: 'must be true or false' }] });
}
