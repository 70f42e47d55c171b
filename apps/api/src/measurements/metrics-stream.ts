import { setTimeout as delay } from 'node:timers/promises';
import type { ServerSentEvent } from '../http/server-sent-events.js';

const EVERY_MS = 1_000;

/** The same answer again and again, as events; the first that fails ends it. */
export async function* metricsEvents<Answer extends { to: string }>(
  look: () => Promise<Answer>,
  gone: AbortSignal,
): AsyncGenerator<ServerSentEvent> {
  while (!gone.aborted) {
    const data = await look();
    yield { event: 'metrics', id: data.to, data };
    await delay(EVERY_MS, undefined, { signal: gone }).catch(() => undefined);
  }
}
