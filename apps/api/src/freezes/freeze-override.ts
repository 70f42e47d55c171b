import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { Request } from 'express';
import { DomainError } from '../http/domain-error.js';

const HEADER = 'X-Freeze-Override';
const REASON = /^[\x20-\x7e]{1,500}$/;

/** Parameter decorator: why a change must be made although its namespace is frozen; null when the caller does not say so. 400 invalid_freeze_override. */
export const FreezeOverride = createParamDecorator((_: unknown, context: ExecutionContext): string | null => {
  const reason = context.switchToHttp().getRequest<Request>().get(HEADER)?.trim();
  if (reason === undefined) return null;
  if (REASON.test(reason)) return reason;
  const message = 'must be a reason of 1 to 500 printable ASCII characters';
  throw new DomainError('malformed', 'invalid_freeze_override', `${HEADER} ${message}.`, { errors: [{ path: HEADER, message }] });
});

export const ApiFreezeOverride = () =>
  ApiHeader({
    name: HEADER,
    required: false,
    example: 'SHOP-17: prices were wrong',
    description: 'Why it must be done although the namespace is frozen; written down in its audit.',
  });
