/** A value that does not hold to its contract. Internal: the parse functions turn it into a reason. */
class ContractError extends Error {}

export type Parsed<T> = { ok: true; value: T } | { ok: false; reason: string };

/** Runs a reader; what it objects to becomes the reason. */
export function parseWith<T>(read: () => T): Parsed<T> {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    if (error instanceof ContractError) return { ok: false, reason: error.message };
    throw error;
  }
}

type Fields = Record<string, unknown>;

export function object(value: unknown, path: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(path, 'must be an object');
  return value as Fields;
}

/** Own fields only: a name like `constructor` must not find what every object has. */
export function field(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** What is not there, or null, stays out of the object. */
export function optional<K extends string, T>(
  fields: Fields,
  path: string,
  name: K,
  read: (value: unknown, path: string) => T,
): { [key in K]?: T } {
  const value = field(fields, name);
  return value === undefined || value === null ? {} : ({ [name]: read(value, `${path}.${name}`) } as { [key in K]: T });
}

export function boolean(value: unknown, path: string): boolean {
  if (typeof value !== 'boolean') fail(path, 'must be true or false');
  return value as boolean;
}

export function array<T>(value: unknown, path: string, max: number, read: (item: unknown, path: string) => T): T[] {
  if (!Array.isArray(value)) fail(path, 'must be a list');
  const list = value as unknown[];
  if (list.length > max) fail(path, `has ${list.length} entries, at most ${max} are allowed`);
  return list.map((item, index) => read(item, `${path}[${index}]`));
}

export function entries<T>(
  value: unknown,
  path: string,
  max: number,
  read: (key: string, item: unknown, path: string) => T,
): [string, T][] {
  const found = Object.entries(object(value, path));
  if (found.length > max) fail(path, `has ${found.length} entries, at most ${max} are allowed`);
  return found.map(([key, item]) => [key, read(key, item, `${path}.${key.slice(0, 64)}`)]);
}

export function text(value: unknown, path: string, pattern: RegExp, what: string): string {
  if (typeof value !== 'string' || !pattern.test(value)) fail(path, `must be ${what}`);
  return value as string;
}

export function shortText(value: unknown, path: string, maxLength = 1_000): string {
  if (typeof value !== 'string' || value.length > maxLength) fail(path, `must be text of at most ${maxLength} characters`);
  return value as string;
}

export function integer(value: unknown, path: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max)
    fail(path, `must be a whole number from ${min} to ${max}`);
  return value as number;
}

export function number(value: unknown, path: string, min: number, max: number): number {
  if (typeof value !== 'number' || !(value >= min && value <= max)) fail(path, `must be a number from ${min} to ${max}`);
  return value as number;
}

export function oneOf<T extends string>(value: unknown, path: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  return found === undefined ? fail(path, `must be one of ${allowed.join(', ')}`) : found;
}

export function unique<T>(items: readonly T[], path: string, keyOf: (item: T) => string | number): void {
  const seen = new Set<string | number>();
  for (const item of items) {
    const key = keyOf(item);
    if (seen.has(key)) fail(path, `names ${key} twice`);
    seen.add(key);
  }
}

export function fail(path: string, message: string): never {
  throw new ContractError(`${path} ${message}`);
}
