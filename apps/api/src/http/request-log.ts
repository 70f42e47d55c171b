import type { NextFunction, Request, Response } from 'express';
import type { Logger } from 'pino';
import type { Metrics } from '../metrics/metrics.js';
import { findPrincipal, openContext } from './request-context.js';

const MAX_PATH = 500;
/** Asked every few seconds by machines. */
const QUIET = /^\/(healthz|readyz|metrics)$/;

/** The first middleware: gives the request its id and headers that every answer has; logs and measures it when the answer is out. */
export function requestLog(logger: Logger, metrics: Metrics, shutdown: AbortSignal) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const startedAt = performance.now();
    const requestId = openContext(request);
    const { method, path } = request;
    response.setHeader('X-Request-Id', requestId);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cache-Control', 'no-cache');
    if (shutdown.aborted) response.setHeader('Connection', 'close');
    response.once('close', () => {
      const seconds = (performance.now() - startedAt) / 1000;
      const route = routeOf(request);
      const status = answeredStatus(response);
      metrics.observeRequest(method, route, response.writableFinished ? status : 0, seconds);
      const principal = findPrincipal(request)?.name;
      // No headers and no query: tokens have no place in a log.
      const entry = { requestId, method, path: path.slice(0, MAX_PATH), route, status, durationMs: Math.round(seconds * 1000), principal };
      if (QUIET.test(path)) logger.debug(entry, 'request');
      else logger.info(entry, 'request');
    });
    next();
  };
}

/** 499: the caller went away before the end. */
export function answeredStatus(response: Response): number {
  return response.writableFinished ? response.statusCode : 499;
}

/** The template of the path that the request has met; `none`: nothing has. */
export function routeOf(request: Request): string {
  const route: unknown = request.route;
  const path: unknown = typeof route === 'object' && route !== null && 'path' in route ? route.path : undefined;
  return typeof path === 'string' ? path : 'none';
}
