import type { RequestFields } from './fields.js';

/**
 * How often a request may come through a fabric: a public host, or the address of an instance, that leads back to a proxy would otherwise
 * send it round for ever. Enough for fabrics behind one another.
 */
export const MAX_HOPS = 8;

/**
 * RFC 8586, made for this. `Via` would tell the same, but servers behind draw other conclusions from it: nginx, for one, stops compressing
 * (`gzip_proxied`).
 */
export const LOOP_FIELD = 'CDN-Loop';
const OWN_ID = 'app-fabric';

/** How often the request has come through a fabric before. */
export function hopsOf(fields: RequestFields): number {
  let hops = 0;
  for (const value of fields.values('cdn-loop')) {
    for (const entry of value.split(',')) if (entry.split(';', 1)[0]?.trim().toLowerCase() === OWN_ID) hops += 1;
  }
  return hops;
}

/** What the field says to the instance: everything that it said, and one more entry. */
export function withHop(fields: RequestFields): string {
  const values = fields.values('cdn-loop');
  return values.length === 0 ? OWN_ID : `${values.join(', ')}, ${OWN_ID}`;
}
