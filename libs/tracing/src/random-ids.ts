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

/** Of a trace (16 bytes) or a span (8): never all zeros, which is how "none" is said. */
export function newTraceId(ids: IdSource, bytes: 8 | 16): string {
  const text = ids.hex(bytes);
  return text.startsWith('0') && /^0+$/.test(text) ? text.replace(/0$/, '1') : text;
}
