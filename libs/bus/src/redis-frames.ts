import { FRAME_BOUNDS, MAX_STORED_FRAMES, type MeasurementFrame, type Parsed, parseMeasurementFrame } from '@app-fabric/contracts';
import type { Redis } from 'ioredis';
import type { StoredFrame } from './bus.js';
import { results } from './redis-link.js';

/**
 * A stream and not pub/sub: what a control plane that is away for a minute did not hear would land in one bucket when it is back, and of a
 * proxy that ended meanwhile it would be lost. The stream holds frames until they are accounted for, and the oldest go first when it is full.
 * Its ids are times of the server's clock: they say how old a frame is, whatever the clocks of proxies and control planes show.
 */
export async function storeFrame(redis: Redis, stream: string, frame: MeasurementFrame): Promise<void> {
  await redis.xadd(stream, 'MAXLEN', MAX_STORED_FRAMES, '*', 'frame', JSON.stringify(frame));
}

export async function readFrames(redis: Redis, stream: string, limit: number): Promise<StoredFrame[]> {
  const [entries, time] = results(await redis.multi().xrange(stream, '-', '+', 'COUNT', limit).time().exec()) as [
    [id: string, fields: string[]][],
    [seconds: string, microseconds: string],
  ];
  const nowMs = Number(time[0]) * 1_000 + Number(time[1]) / 1_000;
  return entries.map(([id, fields]) => ({
    id,
    // Ids never go back, clocks may.
    storedMs: Math.max(0, nowMs - Number(id.split('-', 1)[0])),
    frame: parse(fields[1] ?? ''),
  }));
}

function parse(text: string): Parsed<MeasurementFrame> {
  if (text.length > FRAME_BOUNDS.characters) return { ok: false, reason: `has ${text.length} characters` };
  try {
    return parseMeasurementFrame(JSON.parse(text));
  } catch {
    return { ok: false, reason: 'is no JSON' };
  }
}
