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
