import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Response } from 'express';
import { answerFollower } from './log-answer.js';

/** One line, then silence until nobody wants to hear more. */
async function* oneLine(gone: AbortSignal): AsyncIterable<object> {
  yield { line: 'hello' };
  if (!gone.aborted) await once(gone, 'abort');
}

it('§1 SIGTERM ends the answer of those who follow logs, as an end and not as a break', async () => {
  const shutdown = new AbortController();
  const server = createServer((_request, response) => {
    void answerFollower(response as Response, shutdown.signal, oneLine);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const lines = answer.body!.getReader();
    expect(new TextDecoder().decode((await lines.read()).value)).toContain('"hello"');
    shutdown.abort();
    expect((await lines.read()).done).toBe(true);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
