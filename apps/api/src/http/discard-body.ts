import type { Request } from 'express';

const LINGER_MS = 10_000;

/**
 * Goes on reading what is left of a refused request's body, without keeping it. To close at once would reset the connection, and a caller
 * that still sends would see that instead of the answer. One that takes too long is cut off after all.
 */
export function discardBody(request: Request): void {
  if (request.complete || request.destroyed) return;
  const timer = setTimeout(() => request.destroy(), LINGER_MS).unref();
  request.once('close', () => clearTimeout(timer));
  request.resume();
}
