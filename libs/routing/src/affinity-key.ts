import type { RequestValues } from './request-values.js';
import type { Affinity } from './routes.js';

/** A key is hashed for each request: longer ones count by their beginning. */
const MAX_KEY_LENGTH = 256;
const MAPPED = '::ffff:';

/**
 * What keeps this consumer on its version; `null` when the request has nothing of the kind. With a cookie the caller then makes up a
 * random id, takes it as the key, and, when the choice was made `byAffinity`, sends it along with {@link affinityCookie}.
 */
export function affinityKeyOf(affinity: Affinity, values: RequestValues): string | null {
  const key = rawKey(affinity, values);
  return key ? key.slice(0, MAX_KEY_LENGTH) : null;
}

/**
 * The value of the `Set-Cookie` header that tells a consumer its `id`. For the whole host: the same consumer comes by several paths.
 * Throws RangeError for an id that is not made of letters, digits, `-` and `_`: it could say something else in the header.
 */
export function affinityCookie(affinity: Affinity, id: string): string {
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(id)) throw new RangeError('an affinity id is made of letters, digits, - and _');
  const lifetime = affinity.ttlSeconds === undefined ? '' : `; Max-Age=${affinity.ttlSeconds}`;
  return `${affinity.name}=${id}; Path=/; HttpOnly; SameSite=Lax${lifetime}`;
}

function rawKey(affinity: Affinity, values: RequestValues): string | undefined {
  switch (affinity.by) {
    case 'header':
      return values.header(affinity.name ?? '');
    case 'cookie':
      return values.cookie(affinity.name ?? '');
    case 'address':
      // The same client, whatever socket it came in by.
      return values.address.startsWith(MAPPED) ? values.address.slice(MAPPED.length) : values.address;
  }
}
