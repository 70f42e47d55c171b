import type { RequestValues } from '../request-values.js';

export interface FakeRequest {
  headers?: Record<string, string>;
  cookies?: Record<string, string>;
  query?: Record<string, string>;
  address?: string;
}

/** Values of a request as a proxy gives them. Header names in lower case. */
export function requestValues({ headers = {}, cookies = {}, query = {}, address = '192.0.2.1' }: FakeRequest): RequestValues {
  return { header: (name) => headers[name], cookie: (name) => cookies[name], query: (name) => query[name], address };
}
