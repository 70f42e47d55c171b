import { once } from 'node:events';
import { Inject, Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { SHUTDOWN } from '../tokens.js';
import { DomainError } from './domain-error.js';

/** Of this replica; each asks the database once a second. */
const MAX_STREAMS = 50;

export interface ServerSentEvent {
  event: string;
  id: string | number;
  data: object;
}

/** Answers as text/event-stream (WHATWG HTML §9.2). */
@Injectable()
export class ServerSentEvents {
  private open = 0;

  constructor(@Inject(SHUTDOWN) private readonly shutdown: AbortSignal) {}

  /**
   * Sends what `events` gives, until that ends, the caller goes or this program stops; then `gone` fires, which `events` has to end on. What it gives
   * or throws first is awaited before anything is sent, so that a refusal is a problem with its status; what it throws later ends the stream:
   * the client's EventSource comes again. Null is sent as a sign of life. 429 too_many_streams.
   */
  async answer(response: Response, events: (gone: AbortSignal) => AsyncIterable<ServerSentEvent | null>): Promise<void> {
    if (this.open >= MAX_STREAMS)
      throw new DomainError(
        'too_many',
        'too_many_streams',
        `This replica serves ${MAX_STREAMS} streams already; try another one, or later.`,
      );
    this.open += 1;
    const left = new AbortController();
    // One that has gone already says so no more.
    if (response.destroyed) left.abort();
    response.on('close', () => left.abort());
    const gone = AbortSignal.any([left.signal, this.shutdown]);
    const iterator = events(gone)[Symbol.asyncIterator]();
    try {
      let next = await iterator.next();
      response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
      response.setHeader('Cache-Control', 'no-store');
      response.setHeader('X-Accel-Buffering', 'no');
      response.flushHeaders();
      while (!next.done && !gone.aborted) {
        if (!response.write(textOf(next.value))) await once(response, 'drain', { signal: gone }).catch(() => undefined);
        next = await iterator.next().catch(() => ({ done: true as const, value: undefined }));
      }
      response.end();
    } finally {
      this.open -= 1;
      left.abort();
      await iterator.return?.();
    }
  }
}

function textOf(event: ServerSentEvent | null): string {
  return event === null ? ':\n\n' : `event: ${event.event}\nid: ${event.id}\ndata: ${JSON.stringify(event.data)}\n\n`;
}
