import type { RequestValues } from '@app-fabric/routing';
import { cookieValue, type RequestFields } from './fields.js';

/** What audience rules and affinity may ask of a request; each value is looked up when it is asked for. */
export function requestValues(fields: RequestFields, target: string, address: string): RequestValues {
  return {
    header: (name) => {
      const values = fields.values(name);
      return values.length === 0 ? undefined : values.join(', ');
    },
    cookie: (name) => cookieValue(fields, name),
    query: (name) => {
      const mark = target.indexOf('?');
      return mark < 0 ? undefined : (new URLSearchParams(target.slice(mark + 1)).get(name) ?? undefined);
    },
    address,
  };
}
