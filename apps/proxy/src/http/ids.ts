import { randomFillSync } from 'node:crypto';

/** Where new ids come from: injected, so that tests can foresee them. `hex(16)` is 32 lower-case digits. */
export interface IdSource {
  hex(bytes: number): string;
}

const POOL_BYTES = 8192;

/** Random ids cut from a pool: one call to the operating system and one conversion fill some hundred of them. */
export function createRandomIds(): IdSource {
  const pool = Buffer.allocUnsafe(POOL_BYTES);
  let digits = '';
  let at = 0;
  return {
    hex(bytes) {
      const end = at + bytes * 2;
      if (end > digits.length) {
        digits = randomFillSync(pool).toString('hex');
        at = 0;
        return this.hex(bytes);
      }
      const text = digits.slice(at, end);
      at = end;
      return text;
    },
  };
}

/** A client's request id is kept when it is short and printable, so that it can be logged and echoed safely. */
export function chooseRequestId(sent: readonly string[], ids: IdSource): string {
  const [only] = sent;
  return only !== undefined && sent.length === 1 && /^[\x21-\x7e]{1,128}$/.test(only) ? only : ids.hex(16);
}

/**
 * W3C Trace Context §3.2: a valid `traceparent` is passed on, anything else is replaced by the root of a new trace. `isNew` means
 * that a `tracestate` beside it belongs to nothing and is to be dropped.
 */
export function chooseTraceparent(sent: readonly string[], ids: IdSource): { traceparent: string; isNew: boolean } {
  const [only] = sent;
  if (only !== undefined && sent.length === 1 && isTraceparent(only)) return { traceparent: only, isNew: false };
  // Sampled: an unsampled parent would switch off tracing in every instance that follows its parent's decision.
  return { traceparent: `00-${nonZero(ids, 16)}-${nonZero(ids, 8)}-01`, isNew: true };
}

function isTraceparent(text: string): boolean {
  if (text.length > 256) return false;
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/.exec(text);
  if (match === null) return false;
  const [, version, traceId = '', parentId = '', more] = match;
  // `ff` is forbidden; version 00 has exactly four fields, later ones may have more.
  return version !== 'ff' && (version !== '00' || more === undefined) && !/^0+$/.test(traceId) && !/^0+$/.test(parentId);
}

function nonZero(ids: IdSource, bytes: number): string {
  const text = ids.hex(bytes);
  return text.startsWith('0') && /^0+$/.test(text) ? text.replace(/0$/, '1') : text;
}
