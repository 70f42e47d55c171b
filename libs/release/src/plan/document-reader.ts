import { formatDuration, parseDuration } from './duration.js';

export interface PlanError {
  /** `stages.0.weight` */
  path: string;
  message: string;
}

type Fields = Record<string, unknown>;

const MAX_ERRORS = 20;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const MAX_NAME_LENGTH = 64;

/**
 * Reads a document field by field. What is wrong is noted, and something harmless given instead, so that all errors are told at once; what was
 * read counts only if `errors` is empty. Fields are own fields: `constructor` does not find what every object has. Null is as absent.
 */
export class DocumentReader {
  readonly errors: PlanError[] = [];

  refuse(path: string, message: string): void {
    if (this.errors.length < MAX_ERRORS) this.errors.push({ path, message });
  }

  object(value: unknown, path: string, known: readonly string[]): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.refuse(path, 'must be an object');
      return {};
    }
    for (const name of Object.keys(value)) {
      if (!known.includes(name)) this.refuse(join(path, name.slice(0, MAX_NAME_LENGTH)), 'is not known');
      if (this.errors.length === MAX_ERRORS) break;
    }
    return Object.assign(Object.create(null), value);
  }

  list<T>(value: unknown, path: string, max: number, read: (item: unknown, path: string) => T): T[] {
    if (!Array.isArray(value)) this.refuse(path, 'must be a list');
    else if (value.length > max) this.refuse(path, `has ${value.length} entries, at most ${max} are allowed`);
    else return value.map((item, index) => read(item, join(path, String(index))));
    return [];
  }

  number(value: unknown, path: string, { min, max, whole = false }: { min: number; max: number; whole?: boolean }): number {
    const good = typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value));
    if (!good) this.refuse(path, `must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}`);
    return good ? value : min;
  }

  /** Above 0 and below 1. */
  fraction(value: unknown, path: string): number {
    const good = typeof value === 'number' && value > 0 && value < 1;
    if (!good) this.refuse(path, 'must be a fraction, above 0 and below 1');
    return good ? value : 0.5;
  }

  /** `"2h"` in milliseconds. */
  time(value: unknown, path: string, maxMs: number): number {
    const ms = parseDuration(value);
    const good = ms !== null && ms > 0 && ms <= maxMs;
    if (!good) this.refuse(path, `must be a time like "90s", "2h" or "1d", above 0 and at most "${formatDuration(maxMs)}"`);
    return good ? ms : 1;
  }

  name(value: unknown, path: string, what: string): string {
    return this.text(value, path, (text) => NAME.test(text), what);
  }

  text(value: unknown, path: string, isGood: (text: string) => boolean, what: string): string {
    const good = typeof value === 'string' && isGood(value);
    if (!good) this.refuse(path, `must be ${what}`);
    return good ? value : '';
  }

  oneOf<T extends string>(value: unknown, path: string, allowed: readonly [T, ...T[]]): T {
    const found = allowed.find((one) => one === value);
    if (found === undefined) this.refuse(path, `must be one of ${allowed.join(', ')}`);
    return found ?? allowed[0];
  }
}

export function given(value: unknown): boolean {
  return value !== undefined && value !== null;
}

export function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
