import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { DomainError } from './domain-error.js';

/** Numbers that lists are ordered by are integers of the database. */
const MAX_KEY = 2_147_483_647;

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
const MAX_CURSOR = 1_000;

export type PageKey = string | number;

/** Which part of a list is asked for: at most `limit` items that come after the item with key `after`. */
export interface PageRequest<Key extends PageKey = string> {
  limit: number;
  after: Key | null;
}

export interface Page<Item> {
  items: Item[];
  /** Where the next page begins; null at the end. */
  nextCursor: string | null;
}

/** More than this no page has, but always one item. Only lists whose items may be large look at it. */
export const MAX_PAGE_BYTES = 8_388_608;

/**
 * Asks for one item more than the page has, to see whether there is a next page. `load` gives items in the order of their keys, only
 * those after `after`: so a page holds still when others insert or delete. `keyOf` is the order's key. With `bytesOf` the page ends before
 * {@link MAX_PAGE_BYTES}; `load` may then leave out what comes after the first item beyond them.
 */
export async function paginate<Item, Key extends PageKey>(
  page: PageRequest<Key>,
  load: (limit: number, after: Key | null) => Promise<Item[]>,
  keyOf: (item: Item) => Key,
  bytesOf: (item: Item) => number = () => 0,
): Promise<Page<Item>> {
  const found = await load(page.limit + 1, page.after);
  let bytes = 0;
  const tooMany = found.findIndex((item, index) => {
    bytes += bytesOf(item);
    return index >= page.limit || (index > 0 && bytes > MAX_PAGE_BYTES);
  });
  const items = tooMany < 0 ? found : found.slice(0, tooMany);
  const last = items.at(-1);
  return { items, nextCursor: tooMany >= 0 && last !== undefined ? encodeCursor(keyOf(last)) : null };
}

/** Parameter decorator for lists whose keys are strings: a {@link PageRequest} from `?limit=&cursor=`. 400 invalid_limit, invalid_cursor. */
export const PageQuery = createParamDecorator((_: unknown, context: ExecutionContext): PageRequest => readPage(context, parseString));

/** The same for lists whose keys are whole numbers. */
export const NumberPageQuery = createParamDecorator(
  (_: unknown, context: ExecutionContext): PageRequest<number> => readPage(context, parseNumber),
);

function encodeCursor(key: PageKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

function readPage<Key extends PageKey>(context: ExecutionContext, parse: (key: unknown) => Key | null): PageRequest<Key> {
  const { limit, cursor } = context.switchToHttp().getRequest<Request>().query;
  return { limit: parseLimit(limit), after: cursor === undefined ? null : parseCursor(cursor, parse) };
}

function parseLimit(value: unknown): number {
  if (value === undefined) return DEFAULT_LIMIT;
  const limit = typeof value === 'string' && /^\d{1,3}$/.test(value) ? Number(value) : 0;
  if (limit < 1 || limit > MAX_LIMIT) throw invalid('limit', `must be a whole number from 1 to ${MAX_LIMIT}`);
  return limit;
}

function parseCursor<Key extends PageKey>(value: unknown, parse: (key: unknown) => Key | null): Key {
  const key = typeof value === 'string' && value.length <= MAX_CURSOR ? parse(decode(value)) : null;
  if (key === null) throw invalid('cursor', 'must be the nextCursor of an earlier answer of this list');
  return key;
}

function decode(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
}

function parseString(key: unknown): string | null {
  return typeof key === 'string' && !key.includes('\0') ? key : null;
}

function parseNumber(key: unknown): number | null {
  return Number.isInteger(key) && Math.abs(key as number) <= MAX_KEY ? (key as number) : null;
}

function invalid(parameter: 'limit' | 'cursor', message: string): DomainError {
  return new DomainError('malformed', `invalid_${parameter}`, `${parameter} ${message}.`, { errors: [{ path: parameter, message }] });
}
