import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import type { Request } from 'express';
import { DomainError } from './domain-error.js';

/** Parameter decorator: `?dryRun=`, false when absent. Anything but `true` and `false` is 400 invalid_dry_run: nobody changes something by a typing error. */
export const DryRun = createParamDecorator((_: unknown, context: ExecutionContext): boolean =>
  parseDryRun(context.switchToHttp().getRequest<Request>().query.dryRun),
);

export const ApiDryRun = () =>
  ApiQuery({
    name: 'dryRun',
    required: false,
    description: '`true`: the full answer, nothing changed.',
    schema: { type: 'boolean', default: false },
  });

export function parseDryRun(value: unknown): boolean {
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  throw new DomainError('malformed', 'invalid_dry_run', 'dryRun must be true or false.', {
    errors: [{ path: 'dryRun', message: 'must be true or false' }],
  });
}
