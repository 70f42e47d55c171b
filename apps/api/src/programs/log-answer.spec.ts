import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Response } from 'express';
import type { LogLine, LogReader } from '../runtimes/program-runtime.js';
import { answerLogs } from './log-answer.js';

/** One line, then silence until nobody wants to hear more. */
const reader: LogReader = {
  read: async () => [],
  async *follow(_runId, _options, signal) {
    const line: LogLine = { at: '2026-01-01T12:00:00.000Z', stream: 'stdout', instanceId: 'a', line: 'hello' };
    yield line;
    if (!signal.aborted) await once(signal, 'abort');
  },
};

it('§1 SIGTERM ends the answer of those who follow logs, as an end and not as a break', async () => {
  const shutdown = new AbortController();
  const server = createServer((_request, response) => {
    void answerLogs({ runId: 'r', reader }, { tail: undefined, follow: 'true' }, response as Response, shutdown.signal);
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
