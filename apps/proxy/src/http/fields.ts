import { type HeaderList, headerValue, headerValues } from './headers.js';

/** The fields of one request, by name in lower case, however the forwarder holds them. Valid while the request is being opened. */
export interface RequestFields {
  /** The first value, or `undefined`. */
  value(name: string): string | undefined;
  /** All values, in order. */
  values(name: string): readonly string[];
  /** All of them, as they came. */
  list(): HeaderList;
}

export function fieldsOfList(list: HeaderList): RequestFields {
  return { value: (name) => headerValue(list, name), values: (name) => headerValues(list, name), list: () => list };
}

/** The value of a cookie, as sent; the first one when a name occurs twice. */
export function cookieValue(fields: RequestFields, name: string): string | undefined {
  for (const header of fields.values('cookie')) {
    for (const pair of header.split(';')) {
      const equals = pair.indexOf('=');
      if (equals !== -1 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
    }
  }
  return undefined;
}
