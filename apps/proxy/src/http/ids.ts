/** A client's request id is kept when it is short and printable, so that it can be logged and echoed safely; `null`: it needs a new one. */
export function sentRequestId(sent: readonly string[]): string | null {
  const [only] = sent;
  return only !== undefined && sent.length === 1 && /^[\x21-\x7e]{1,128}$/.test(only) ? only : null;
}
