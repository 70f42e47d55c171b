import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { problemText, type RenderedProblem } from '../http/problems.js';

/** How long the rest of a refused body is read and thrown away. */
const LINGER_MS = 2_000;

/**
 * Answers with a problem. When the client is still sending a body, the connection is closed afterwards, but not at once: closing
 * with unread bytes resets the connection, and the client might lose the answer.
 */
export function sendProblem(req: IncomingMessage, res: ServerResponse, problem: RenderedProblem): void {
  const body = req.method === 'HEAD' ? '' : problem.body;
  if (req.complete) {
    res.writeHead(problem.status, problem.headers);
    res.end(body);
    return;
  }
  const hasBody = req.headers['content-length'] !== undefined || req.headers['transfer-encoding'] !== undefined;
  if (hasBody) res.shouldKeepAlive = false;
  res.writeHead(problem.status, problem.headers);
  if (!hasBody || req.headers.expect !== undefined) {
    res.end(body);
    return;
  }
  if (body === '') res.flushHeaders();
  else res.write(body);
  const timer = setTimeout(() => res.end(), LINGER_MS);
  const done = () => {
    clearTimeout(timer);
    res.end();
  };
  req.once('end', done);
  res.once('close', () => clearTimeout(timer));
  req.resume();
}

/** The same on a bare socket: for what never became a request, and for upgrades. Ends the connection. */
export function writeProblem(socket: Socket, problem: RenderedProblem): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(problemText(problem, 'close'));
  // The peer may never close its side.
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.resume();
}
