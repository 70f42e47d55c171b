import { randomUUID } from 'node:crypto';
import type { Request } from 'express';

/** Who makes the request. Roles come later; today there is one principal, with one role. */
export interface Principal {
  name: string;
  roles: readonly string[];
}

interface Context {
  requestId: string;
  principal?: Principal;
}

const contexts = new WeakMap<Request, Context>();
const REQUEST_ID = /^[A-Za-z0-9._:/=+-]{1,128}$/;

/** Takes over the caller's `X-Request-Id` when it is harmless in a log, else makes one. */
export function openContext(request: Request): string {
  const given = request.get('x-request-id');
  const requestId = given !== undefined && REQUEST_ID.test(given) ? given : randomUUID();
  contexts.set(request, { requestId });
  return requestId;
}

export function requestIdOf(request: Request): string {
  return contextOf(request).requestId;
}

export function setPrincipal(request: Request, principal: Principal): void {
  contextOf(request).principal = principal;
}

/** Undefined while nobody is known yet, and on public routes. */
export function findPrincipal(request: Request): Principal | undefined {
  return contexts.get(request)?.principal;
}

/** Behind the auth guard there is always one. */
export function principalOf(request: Request): Principal {
  const { principal } = contextOf(request);
  if (!principal) throw new Error('no principal: the route is public');
  return principal;
}

function contextOf(request: Request): Context {
  const context = contexts.get(request);
  if (!context) throw new Error('the request has no context: the first middleware did not run');
  return context;
}
