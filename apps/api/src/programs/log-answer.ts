import { once } from 'node:events';
import type { Response } from 'express';
import { DomainError } from '../http/domain-error.js';
import type { LogReader } from '../runtimes/program-runtime.js';

const DEFAULT_TAIL = 1_000;
const MAX_TAIL = 10_000;

/** Answers with the last lines, or with all that follows them until the run ends, the caller goes, or this program stops. */
export async function answerLogs(
  logs: { runId: string; reader: LogReader } | null,
  query: { tail: unknown; follow: unknown },
  response: Response,
  shutdown: AbortSignal,
): Promise<void> {
  const tail = parseTail(query.tail);
  const follow = parseFollow(query.follow);
  if (!logs) throw new DomainError('conflict', 'logs_elsewhere', 'The programs of this run are not on this host; ask where they run.');
  if (!follow) {
    response.json({ items: await logs.reader.read(logs.runId, { tail }), nextCursor: null });
    return;
  }
  const left = new AbortController();
  response.on('close', () => left.abort());
  const gone = AbortSignal.any([left.signal, shutdown]);
  response.setHeader('Content-Type', 'application/x-ndjson; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  response.flushHeaders();
  for await (const line of logs.reader.follow(logs.runId, { tail }, gone)) {
    if (!response.write(`${JSON.stringify(line)}\n`)) await once(response, 'drain', { signal: gone }).catch(() => undefined);
    if (gone.aborted) break;
  }
  response.end();
}

function parseTail(value: unknown): number {
  if (value === undefined) return DEFAULT_TAIL;
  const tail = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (tail <= MAX_TAIL) return tail;
  throw invalid('tail', `must be a whole number from 0 to ${MAX_TAIL}`);
}

function parseFollow(value: unknown): boolean {
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  throw invalid('follow', 'must be true or false');
}

function invalid(path: string, message: string): DomainError {
  return new DomainError('malformed', 'validation_failed', `${path} ${message}.`, { errors: [{ path, message }] });
}
