/** The highest app version: what a signed 32-bit database column can hold. */
export const MAX_VERSION = 2_147_483_647;

const CANONICAL_VERSION = /^[1-9][0-9]{0,9}$/;

/** The version that `text` names in canonical decimal ("1", never "01", "+1", "1e0"); `null` when it names none. */
export function parseVersion(text: string): number | null {
  if (!CANONICAL_VERSION.test(text)) return null;
  const version = Number(text);
  return version <= MAX_VERSION ? version : null;
}

export function isVersion(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= MAX_VERSION;
}
