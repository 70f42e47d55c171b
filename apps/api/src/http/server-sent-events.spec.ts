import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Response } from 'express';
import { ServerSentEvents } from './server-sent-events.js';

describe('ServerSentEvents', () => {
  it('a caller that went away before the answer began holds no stream', async () => {
    const shutdown = new AbortController();
    const streams = new ServerSentEvents(shutdown.signal);
    async function* events(gone: AbortSignal) {
      for (let id = 1; !gone.aborted; id += 1) {
        yield { event: 'tick', id, data: {} };
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const answered: Promise<void>[] = [];
    const server = createServer((_request, response) => {
      // As when a guard takes its time.
      answered.push(once(response, 'close').then(() => streams.answer(response as unknown as Response, events)));
      leave();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const call = request({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
    const leave = () => call.destroy();
    call.on('error', () => undefined);
    call.end();
    await new Promise((resolve) => call.once('close', resolve));
    try {
      while (answered.length === 0) await new Promise((resolve) => setImmediate(resolve));
      await Promise.race([
        Promise.all(answered),
        new Promise((_resolve, reject) => setTimeout(() => reject(new Error('the stream goes on')), 10_000).unref()),
      ]);
    } finally {
      shutdown.abort();
      server.close();
      server.closeAllConnections();
    }
  });
});
