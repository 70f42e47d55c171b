import { applyDecorators, type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiConsumes } from '@nestjs/swagger';
import type { Request } from 'express';
import { DomainError } from './domain-error.js';

const CONSUMES = 'fabric:consumes';
const JSON_TYPE = 'application/json';

/** The route takes a body of this type instead of JSON, and reads it from the request as a stream by itself. */
export const Consumes = (type: string) => applyDecorators(SetMetadata(CONSUMES, type), ApiConsumes(type));

/** 415 when there is a body that is not of the type that the route takes. */
@Injectable()
export class ContentTypeGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    const wanted = this.reflector.get<string | undefined>(CONSUMES, context.getHandler()) ?? JSON_TYPE;
    if (!hasBody(request) || mediaType(request) === wanted) return true;
    throw new DomainError('unsupported_media_type', 'unsupported_media_type', `The body must be sent as Content-Type: ${wanted}.`);
  }
}

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function mediaType({ headers }: Request): string | undefined {
  return headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
}
