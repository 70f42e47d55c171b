import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { NextFunction, Request, Response } from 'express';
import { DomainError } from './domain-error.js';
import { PROBLEM_TYPE, toProblem } from './problem.js';

/**
 * What Node's HTTP parser refuses never becomes a request, and Node answers it with a bare status. This answers it as problem+json,
 * as everything else. Call it before the server listens.
 */
export function answerParserErrors(server: Server): void {
  /** The answer that is under way on a connection: nothing may be written in between. */
  const answering = new WeakMap<Socket, ServerResponse>();
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    answering.set(request.socket, response);
    response.once('close', () => {
      if (answering.get(request.socket) === response) answering.delete(request.socket);
    });
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (!socket.writable || error.code === 'ECONNRESET' || answering.get(socket)?.headersSent) {
      socket.destroy();
      return;
    }
    const { status, title, ...rest } = toProblem(refusal(error.code));
    const body = JSON.stringify({ ...rest, title, status });
    const head = [
      `HTTP/1.1 ${status} ${title}`,
      `Content-Type: ${PROBLEM_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response); // answered by checkHead
  });
  Object.assign(server, { requireHostHeader: false }); // it would answer by itself; checkHead refuses the same
}

/** Middleware: 400 malformed_request without Host, 417 expectation_failed. */
export function checkHead(request: Request, _response: Response, next: NextFunction): void {
  const { host, expect } = request.headers;
  if (host === undefined && request.httpVersion === '1.1')
    next(new DomainError('malformed', 'malformed_request', 'The Host header is missing.'));
  else if (expect !== undefined && expect.toLowerCase() !== '100-continue')
    next(new DomainError('expectation', 'expectation_failed', 'The only expectation that can be met is 100-continue.'));
  else next();
}

function refusal(code: string | undefined): DomainError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new DomainError('headers_too_large', 'headers_too_large', 'URL and headers are larger than 16 KiB.');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new DomainError('timeout', 'request_timeout', 'The request did not arrive in time.');
  return new DomainError('malformed', 'malformed_request', 'This is not a valid HTTP/1.1 request.');
}
