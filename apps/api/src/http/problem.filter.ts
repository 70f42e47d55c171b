import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { discardBody } from './discard-body.js';
import { DomainError } from './domain-error.js';
import { PROBLEM_TYPE, problem, toProblem } from './problem.js';
import { requestIdOf } from './request-context.js';

const RETRY_AFTER_SECONDS = '1';

/** Answers every error as problem+json. What is neither a DomainError nor Nest's "no such route" is logged and becomes a bare 500. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    /** The methods that the path of this request has. */
    private readonly allowedMethods: (path: string) => readonly string[],
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<Response>();
    const requestId = requestIdOf(request);
    const error = this.toDomainError(thrown, request, response);
    if (error === null) this.logger.error({ err: thrown, requestId }, 'a request failed unexpectedly');
    else if (error.kind === 'unavailable') this.logger.warn({ err: error.cause ?? error, requestId }, error.code);
    if (response.headersSent) {
      // Too late to say anything: the peer must not take what it has for the whole.
      response.destroy();
      return;
    }
    if (error?.kind === 'unauthenticated') response.setHeader('WWW-Authenticate', 'Bearer realm="app-fabric"');
    if (error?.kind === 'unavailable' || error?.code === 'idempotency_in_progress') response.setHeader('Retry-After', RETRY_AFTER_SECONDS);
    discardBody(request);
    response.removeHeader('ETag');
    const body = error
      ? toProblem(error, requestId)
      : problem(500, 'internal_error', 'Something went wrong in the server; its log has it under this request id.', { requestId });
    response.status(body.status).type(PROBLEM_TYPE).send(JSON.stringify(body));
  }

  private toDomainError(thrown: unknown, request: Request, response: Response): DomainError | null {
    if (thrown instanceof DomainError) return thrown;
    if (thrown instanceof HttpException && thrown.getStatus() === 404) return this.noSuchRoute(request, response);
    return null;
  }

  private noSuchRoute(request: Request, response: Response): DomainError {
    const methods = this.allowedMethods(request.path);
    if (methods.length === 0) return new DomainError('not_found', 'route_not_found', 'There is nothing at this path.');
    response.setHeader('Allow', methods.join(', '));
    return new DomainError('method_not_allowed', 'method_not_allowed', `This path has ${methods.join(', ')} only.`);
  }
}
