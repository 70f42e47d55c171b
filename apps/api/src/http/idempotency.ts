import { createHash } from 'node:crypto';
import { ApiHeader } from '@nestjs/swagger';
import { DomainError } from './domain-error.js';

const KEY = /^[\x20-\x7e]{1,255}$/;

/** Every POST takes the header; this says so in the document. */
export const ApiIdempotencyKey = () =>
  ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    example: '0f8fad5b-d9cb-469f-a165-70867728950e',
    description:
      'The same key and request again within 24 hours give the first answer again, with `Idempotency-Replayed: true`. Only answers of success are kept.',
  });

/** Null when the header is absent; 400 invalid_idempotency_key. */
export function parseIdempotencyKey(header: string | undefined): string | null {
  if (header === undefined) return null;
  const key = header.trim();
  if (KEY.test(key)) return key;
  throw new DomainError('malformed', 'invalid_idempotency_key', 'Idempotency-Key must be 1 to 255 printable ASCII characters.');
}

/** Tells requests apart. `url` with its query: `?dryRun=true` is another request. */
export function hashRequest(method: string, url: string, body: unknown): string {
  return createHash('sha256')
    .update(`${method} ${url}\n${JSON.stringify(body ?? null)}`)
    .digest('hex');
}
