import { once } from 'node:events';
import type { Response } from 'express';

/**
 * Answers with one JSON object a line (`application/x-ndjson`), until `lines` end, the caller goes, or this program stops. `lines` gets the
 * signal of the latter two. A slow caller holds up the lines, not this program's memory.
 */
export async function answerFollower(
  response: Response,
  shutdown: AbortSignal,
  lines: (gone: AbortSignal) => AsyncIterable<object>,
): Promise<void> {
  const left = new AbortController();
  response.on('close', () => left.abort());
  const gone = AbortSignal.any([left.signal, shutdown]);
  response.setHeader('Content-Type', 'application/x-ndjson; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  response.flushHeaders();
  for await (const line of lines(gone)) {
    if (!response.write(`${JSON.stringify(line)}\n`)) await once(response, 'drain', { signal: gone }).catch(() => undefined);
    if (gone.aborted) break;
  }
  response.end();
}
