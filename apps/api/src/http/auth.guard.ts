import { createHash, timingSafeEqual } from 'node:crypto';
import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { DomainError } from './domain-error.js';
import { type Principal, principalOf, setPrincipal } from './request-context.js';

const PUBLIC = 'fabric:public';

/** Needs no token. */
export const Public = () => SetMetadata(PUBLIC, true);

/** Parameter decorator: who makes the request. */
export const CurrentPrincipal = createParamDecorator(
  (_: unknown, context: ExecutionContext): Principal => principalOf(context.switchToHttp().getRequest<Request>()),
);

/** Says whose token it is; null for nobody's. Tokens with roles will be another implementation. */
export abstract class Authenticator {
  abstract authenticate(token: string): Promise<Principal | null>;
}

/** Knows one token: the first admin's. */
export class AdminTokenAuthenticator extends Authenticator {
  private readonly expected: Buffer;

  constructor(token: string) {
    super();
    this.expected = digest(token);
  }

  async authenticate(token: string): Promise<Principal | null> {
    // Digests have the same length, so the comparison tells nothing of the token, its length included.
    return timingSafeEqual(digest(token), this.expected) ? { name: 'admin', roles: ['admin'] } : null;
  }
}

@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, [context.getHandler(), context.getClass()])) return true;
    const request = context.switchToHttp().getRequest<Request>();
    const token = /^Bearer +([\x21-\x7e]+) *$/i.exec(request.get('authorization') ?? '')?.[1];
    const principal = token === undefined ? null : await this.authenticator.authenticate(token);
    if (principal === null) {
      throw new DomainError('unauthenticated', 'unauthenticated', 'A valid token is needed: Authorization: Bearer <token>.');
    }
    setPrincipal(request, principal);
    return true;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
