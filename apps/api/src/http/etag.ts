import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { DomainError } from './domain-error.js';

type TagList = '*' | readonly string[];

/**
 * What the caller expects of the resource before a change: `If-Match` and `If-None-Match`, parsed; null where the header is absent.
 * Handed to the service, which calls {@link checkIfMatch} inside the transaction that makes the change.
 */
export interface IfMatch {
  match: TagList | null;
  noneMatch: TagList | null;
}

/**
 * The strong tag of a revision: `"7"`. A resource that can be deleted and made again begins anew with its revisions; its tags must not come
 * again, so they also say when it was made: `"7-mk3v9z2k"`.
 */
export function etagOf(revision: number | string, madeAt?: Date): string {
  return madeAt ? `"${revision}-${madeAt.getTime().toString(36)}"` : `"${revision}"`;
}

/**
 * Throws 412 precondition_failed unless the resource is as expected. `current` is its tag, null when it does not exist.
 * Strong comparison (RFC 9110 §8.8.3.2): a weak tag never matches. `If-Match: *` wants it to exist, `If-None-Match: *` wants it not to.
 */
export function checkIfMatch(expected: IfMatch, current: string | null): void {
  const { match, noneMatch } = expected;
  if (match !== null && !matches(match, current)) {
    const now = current === null ? 'it does not exist' : `its ETag is ${current} now`;
    throw new DomainError('precondition', 'precondition_failed', `The resource is not what If-Match expects: ${now}.`);
  }
  if (noneMatch !== null && matches(noneMatch, current)) {
    throw new DomainError('precondition', 'precondition_failed', `The resource is what If-None-Match excludes: its ETag is ${current}.`);
  }
}

/** 400 malformed_precondition when one of the two header values is not a list of entity tags. */
export function parseIfMatch(ifMatch: string | undefined, ifNoneMatch: string | undefined): IfMatch {
  return { match: parseTags('If-Match', ifMatch), noneMatch: parseTags('If-None-Match', ifNoneMatch) };
}

/** Parameter decorator: the request's {@link IfMatch}. */
export const Expected = createParamDecorator((_: unknown, context: ExecutionContext): IfMatch => {
  const { headers } = context.switchToHttp().getRequest<Request>();
  return parseIfMatch(headers['if-match'], headers['if-none-match']);
});

function matches(list: TagList, current: string | null): boolean {
  return current !== null && (list === '*' || list.includes(current));
}

const MAX_TAGS = 100;
const TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

/** Weak tags stay in the list as written: no strong tag equals one. */
function parseTags(header: string, value: string | undefined): TagList | null {
  if (value === undefined) return null;
  if (value.trim() === '*') return '*';
  const tags = splitTags(value);
  if (tags.length === 0 || tags.length > MAX_TAGS || !tags.every((tag) => TAG.test(tag))) {
    throw new DomainError(
      'malformed',
      'malformed_precondition',
      `${header} must be * or a list of at most ${MAX_TAGS} entity tags like "7".`,
    );
  }
  return tags;
}

/** On commas outside of quotes. */
function splitTags(value: string): string[] {
  return (value.match(/(?:[^",]|"[^"]*"?)+/g) ?? []).map((part) => part.trim()).filter((part) => part !== '');
}
