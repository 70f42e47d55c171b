import type { IdSource } from '@app-fabric/tracing';

/** A client's request id is kept when it is short and printable, so that it can be logged and echoed safely. */
export function chooseRequestId(sent: readonly string[], ids: IdSource): string {
  const [only] = sent;
  return only !== undefined && sent.length === 1 && /^[\x21-\x7e]{1,128}$/.test(only) ? only : ids.hex(16);
}
