import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { DomainError } from '../http/domain-error.js';
import { SHUTDOWN } from '../tokens.js';

const EVERY_MS = 1_000;
/** Of this replica; each asks the database once a second. */
const MAX_STREAMS = 50;

/** Server-sent events: the same answer again and again, until the caller goes or this program stops. */
@Injectable()
export class MetricsStream {
  private open = 0;

  constructor(@Inject(SHUTDOWN) private readonly shutdown: AbortSignal) {}

  /**
   * The first answer is awaited before anything is sent, so that what it refuses is a problem with its status. Later ones that fail end the
   * stream: the client's EventSource comes again. 429 too_many_streams.
   */
  async answer(response: Response, look: () => Promise<{ to: string }>): Promise<void> {
    if (this.open >= MAX_STREAMS)
      throw new DomainError(
        'too_many',
        'too_many_streams',
        `This replica serves ${MAX_STREAMS} streams already; try another one, or later.`,
      );
    this.open += 1;
    try {
      const first = await look();
      const left = new AbortController();
      response.on('close', () => left.abort());
      const gone = AbortSignal.any([left.signal, this.shutdown]);
      response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
      response.setHeader('Cache-Control', 'no-store');
      response.setHeader('X-Accel-Buffering', 'no');
      response.flushHeaders();
      for (let data: { to: string } | null = first; data !== null && !gone.aborted; ) {
        const text = `event: metrics\nid: ${data.to}\ndata: ${JSON.stringify(data)}\n\n`;
        if (!response.write(text)) await once(response, 'drain', { signal: gone }).catch(() => undefined);
        await delay(EVERY_MS, undefined, { signal: gone }).catch(() => undefined);
        data = gone.aborted ? null : await look().catch(() => null);
      }
      response.end();
    } finally {
      this.open -= 1;
    }
  }
}
