import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import type { Request } from 'express';
import { DomainError } from '../http/domain-error.js';
import { requireName } from '../http/names.js';
import type { VersionPath } from './lifecycle.service.js';
import { PROGRAM_PATHS, type ProgramType } from './run.js';

export interface ProgramPathParts {
  path: VersionPath;
  type: ProgramType;
  name: string;
}

/** Parameter decorator: the app version that the path names. */
export const VersionParams = createParamDecorator((_: unknown, context: ExecutionContext): VersionPath => versionPath(context));

/** Parameter decorator: the program that the path names, e.g. `…/services/cart`. */
export const ProgramPath = createParamDecorator((_: unknown, context: ExecutionContext): ProgramPathParts => {
  const { kind, name } = context.switchToHttp().getRequest<Request<Record<string, string>>>().params;
  const type = Object.entries(PROGRAM_PATHS).find(([plural]) => plural === kind)?.[1];
  if (!type)
    throw new DomainError('not_found', 'route_not_found', `Programs are services, workers or flows, not ${String(kind).slice(0, 64)}.`);
  return { path: versionPath(context), type, name: requireName('name', name) };
});

export const ApiVersionPath = () =>
  applyDecorators(
    ApiParam({ name: 'ns', example: 'default' }),
    ApiParam({ name: 'app', example: 'shop' }),
    ApiParam({ name: 'v', description: 'A version or an alias.', example: '2' }),
  );

function versionPath(context: ExecutionContext): VersionPath {
  const { ns, app, v } = context.switchToHttp().getRequest<Request<Record<string, string>>>().params;
  return { namespace: requireName('ns', ns), app: requireName('app', app), version: requireName('v', v) };
}
