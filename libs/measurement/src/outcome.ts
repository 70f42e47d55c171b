/** An answer that an instance broke off after its head: the client has a status below 500 and half a body. */
export const ANSWER_CUT = 'answer_cut';

/** Codes of answers that the proxy makes because an instance gave none, or none could be asked. */
const ON_BEHALF_OF_INSTANCE: ReadonlySet<string> = new Set([
  'upstream_connect_failed',
  'upstream_reset',
  'upstream_bad_response',
  'upstream_timeout',
  'version_unavailable',
  'no_instance',
  'overloaded',
  ANSWER_CUT,
]);

/**
 * THE definition of an error, for every figure of the product: an answer with a status of 500 or more, or a failure that the proxy made on
 * behalf of an instance. What the client did wrong (4xx), what was throttled (429), and a client that left before its answer are none.
 * @param status sent to the client; 0: it left before an answer
 * @param proxyError code of what the proxy made itself; null: the answer is an instance's, and whole
 */
export function isError(status: number, proxyError: string | null): boolean {
  return status >= 500 || (status !== 0 && proxyError !== null && ON_BEHALF_OF_INSTANCE.has(proxyError));
}

/** `0xx`: the client left before an answer. */
export const STATUS_CLASSES = ['0xx', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;

export function statusClass(status: number): number {
  const found = Math.floor(status / 100);
  return found >= 0 && found <= 5 ? found : 5;
}
