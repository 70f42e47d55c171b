/**
 * A value that does not hold to its contract. Internal: {@link parseWith} turns it into a reason. Where it stands is put together on the way
 * out, from the inside: a value that is in order, and nearly all are, pays nothing for paths.
 */
class ContractError extends Error {
  constructor(
    readonly objection: string,
    public path: string,
  ) {
    super(objection);
  }
}

export type Parsed<T> = { ok: true; value: T } | { ok: false; reason: string };

/** Takes a value that may be anything; {@link fail}s when it is not what it should be. */
export type Read<T> = (value: unknown) => T;

/** So few are compared with each other: that takes less than a set, and most lists are short. */
const FEW = 8;

type Fields = Record<string, unknown>;

/** Runs a reader; what it objects to becomes the reason, with the path from `root`. */
export function parseWith<T>(root: string, read: () => T): Parsed<T> {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    if (error instanceof ContractError) return { ok: false, reason: `${root}${error.path} ${error.objection}` };
    throw error;
  }
}

/** `path`: from the value that is being read, as in `.weights` or `[3].name`. */
export function fail(objection: string, path = ''): never {
  throw new ContractError(objection, path);
}

export function object(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail('must be an object');
  return value as Fields;
}

/** Own fields only: a name like `constructor` must not find what every object has. */
export function field(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** The field, read. */
export function member<T>(fields: Fields, name: string, read: Read<T>): T {
  try {
    return read(field(fields, name));
  } catch (error) {
    throw within(`.${name}`, error);
  }
}

/** What is not there, or null, stays out of the object. */
export function optional<K extends string, T>(fields: Fields, name: K, read: Read<T>): { [key in K]?: T } {
  const value = field(fields, name);
  return value === undefined || value === null ? {} : ({ [name]: member(fields, name, read) } as { [key in K]: T });
}

export function orNull<T>(read: Read<T>): Read<T | null> {
  return (value) => (value === null ? null : read(value));
}

export function boolean(value: unknown): boolean {
  if (typeof value !== 'boolean') fail('must be true or false');
  return value as boolean;
}

/** `keyOf`: what no two entries may have in common. */
export function list<T>(max: number, read: Read<T>, keyOf?: (item: T) => string | number): Read<T[]> {
  return (value) => {
    if (!Array.isArray(value)) fail('must be a list');
    const items = value as unknown[];
    if (items.length > max) fail(`has ${items.length} entries, at most ${max} are allowed`);
    const found = readEach(items, read);
    if (keyOf !== undefined) unique(found, keyOf);
    return found;
  };
}

/** An object with names that are data. `read` gets the name, too. The result has no other fields than these, whatever they are called. */
export function record<T>(max: number, read: (value: unknown, key: string) => T): Read<Record<string, T>> {
  return (value) => {
    const fields = object(value);
    const keys = Object.keys(fields);
    if (keys.length > max) fail(`has ${keys.length} entries, at most ${max} are allowed`);
    let key = '';
    try {
      const found: [string, T][] = [];
      for (key of keys) found.push([key, read(fields[key], key)]);
      return Object.fromEntries(found);
    } catch (error) {
      throw within(`.${key.slice(0, 64)}`, error);
    }
  };
}

export function text(pattern: RegExp, what: string): Read<string> {
  return (value) => {
    if (typeof value !== 'string' || !pattern.test(value)) fail(`must be ${what}`);
    return value as string;
  };
}

export function shortText(maxLength = 1_000): Read<string> {
  return (value) => {
    if (typeof value !== 'string' || value.length > maxLength) fail(`must be text of at most ${maxLength} characters`);
    return value as string;
  };
}

export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Read<number> {
  return (value) => {
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max)
      fail(`must be a whole number from ${min} to ${max}`);
    return value as number;
  };
}

export function number(min: number, max: number): Read<number> {
  return (value) => {
    if (typeof value !== 'number' || !(value >= min && value <= max)) fail(`must be a number from ${min} to ${max}`);
    return value as number;
  };
}

export function oneOf<T extends string>(allowed: readonly T[]): Read<T> {
  return (value) => {
    const index = allowed.indexOf(value as T);
    return index < 0 ? fail(`must be one of ${allowed.join(', ')}`) : allowed[index]!;
  };
}

function readEach<T>(items: readonly unknown[], read: Read<T>): T[] {
  let index = -1;
  try {
    return items.map((item) => {
      index += 1;
      return read(item);
    });
  } catch (error) {
    throw within(`[${index}]`, error);
  }
}

function unique<T>(items: readonly T[], keyOf: (item: T) => string | number): void {
  if (items.length <= FEW) {
    for (let at = 1; at < items.length; at += 1)
      for (let before = 0; before < at; before += 1)
        if (keyOf(items[before]!) === keyOf(items[at]!)) fail(`names ${keyOf(items[at]!)} twice`);
    return;
  }
  const seen = new Set<string | number>();
  for (const item of items) {
    const key = keyOf(item);
    if (seen.has(key)) fail(`names ${key} twice`);
    seen.add(key);
  }
}

function within(step: string, error: unknown): unknown {
  if (error instanceof ContractError) error.path = `${step}${error.path}`;
  return error;
}
