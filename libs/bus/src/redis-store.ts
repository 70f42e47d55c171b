import type { BusNames, RouteHead } from '@app-fabric/contracts';
import type { Redis } from 'ioredis';
import { results } from './redis-link.js';

/**
 * How the routes are stored: the hash of documents, and the hash `head` with `epoch`, `revision` and `apps`, the number of documents. Where
 * `apps` and the documents do not agree, one of the two keys was lost alone (evicted, deleted by hand): then there is no head. An absent
 * hash of documents would otherwise look like "all apps were deleted".
 */
const HEAD = `
  local function stored()
    local found = redis.call('HMGET', KEYS[2], 'epoch', 'revision', 'apps')
    local revision = string.match(found[2] or '', '^%d+$')
    if not found[1] or not revision or #revision > 16 or found[3] ~= tostring(redis.call('HLEN', KEYS[1])) then return '', '' end
    return found[1], revision
  end
  local function move(epoch, revision)
    redis.call('HSET', KEYS[2], 'epoch', epoch, 'revision', revision, 'apps', redis.call('HLEN', KEYS[1]))
  end
  local epoch, revision = stored()`;

/**
 * Stores the document, moves the head and tells, in one step; only as the step after what is stored. A publisher that lost its lease without
 * noticing cannot turn the clock back, and one that did not notice a loss cannot hide it.
 * KEYS documents, head. ARGV epoch, revision, previous, app key, document or '', channel, message.
 */
export const PUBLISH = `${HEAD}
  if epoch ~= ARGV[1] or revision ~= ARGV[3] then return 0 end
  if ARGV[5] == '' then redis.call('HDEL', KEYS[1], ARGV[4]) else redis.call('HSET', KEYS[1], ARGV[4], ARGV[5]) end
  move(ARGV[1], ARGV[2])
  redis.call('PUBLISH', ARGV[6], ARGV[7])
  return 1`;

/**
 * Puts the documents that were written beside in the place of those stored, when the head is still the expected one ('' and '': none) and
 * nothing of what was written is lost. KEYS documents, head, staging. ARGV expected epoch and revision, epoch, revision, apps, channel, message.
 */
export const REPLACE_ALL = `${HEAD}
  if epoch ~= ARGV[1] or revision ~= ARGV[2] or redis.call('HLEN', KEYS[3]) ~= tonumber(ARGV[5]) then
    redis.call('DEL', KEYS[3])
    return 0
  end
  redis.call('DEL', KEYS[1])
  if redis.call('EXISTS', KEYS[3]) == 1 then
    redis.call('RENAME', KEYS[3], KEYS[1])
    redis.call('PERSIST', KEYS[1])
  end
  move(ARGV[3], ARGV[4])
  redis.call('PUBLISH', ARGV[6], ARGV[7])
  return 1`;

export async function readHead(redis: Redis, { documents, head }: BusNames): Promise<RouteHead | null> {
  const [stored, apps] = results(await redis.multi().hgetall(head).hlen(documents).exec());
  return toHead(stored as Record<string, string>, apps as number);
}

/** `stored`: the hash of the head; `apps`: how many documents there are. Null: there is nothing, or not all of it. */
export function toHead(stored: Record<string, string>, apps: number): RouteHead | null {
  const { epoch, revision } = stored;
  if (!epoch || revision === undefined || !/^\d{1,16}$/.test(revision) || stored.apps !== String(apps)) return null;
  return { epoch, revision: Number(revision) };
}
