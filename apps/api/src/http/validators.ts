import { registerDecorator } from 'class-validator';
import { parseDuration } from './duration.js';

const MAX_LABELS = 64;
const MAX_VALUE = 256;
const KEY = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/;
const RULE = `must be an object of at most ${MAX_LABELS} labels: keys of 1 to 128 of A-Z a-z 0-9 . _ / - that begin with a letter or digit, values strings of at most ${MAX_VALUE} characters`;

/** Property decorator: a map of labels. */
export function IsLabels(): PropertyDecorator {
  return (target, property) =>
    registerDecorator({
      name: 'isLabels',
      target: target.constructor,
      propertyName: String(property),
      options: { message: `$property ${RULE}` },
      validator: { validate: isLabels },
    });
}

function isLabels(value: unknown): boolean {
  if (!isObject(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= MAX_LABELS && entries.every(([key, text]) => KEY.test(key) && typeof text === 'string' && text.length <= MAX_VALUE)
  );
}

/** Property decorator: an object of plain JSON whose text is at most `maxBytes` long (UTF-8). Its depth is bounded for every body, see json-body.ts. */
export function IsPlainJson({ maxBytes }: { maxBytes: number }): PropertyDecorator {
  return (target, property) =>
    registerDecorator({
      name: 'isPlainJson',
      target: target.constructor,
      propertyName: String(property),
      options: { message: `$property must be an object of at most ${maxBytes} bytes of JSON` },
      validator: { validate: (value: unknown) => isObject(value) && Buffer.byteLength(JSON.stringify(value)) <= maxBytes },
    });
}

/** Property decorator: `90s`, `5m`, `2h`, `1d`, at most `longest`; or `0s`. */
export function IsDuration(longest: string): PropertyDecorator {
  const maxMs = parseDuration(longest) ?? 0;
  return (target, property) =>
    registerDecorator({
      name: 'isDuration',
      target: target.constructor,
      propertyName: String(property),
      options: { message: `$property must be a number of seconds, minutes, hours or days: 90s, 5m, 2h, 1d; at most ${longest}` },
      validator: { validate: (value: unknown) => value === '0s' || (parseDuration(value) ?? Number.POSITIVE_INFINITY) <= maxMs },
    });
}

const MAX_VARIABLES = 256;
const MAX_VARIABLE = 32_768;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/;

/** Property decorator: environment variables of a program. Those that the control plane sets itself are refused. */
export function IsEnvironment(): PropertyDecorator {
  return (target, property) =>
    registerDecorator({
      name: 'isEnvironment',
      target: target.constructor,
      propertyName: String(property),
      options: { message: `$property must be an object of at most ${MAX_VARIABLES} variables with text values, without PORT and FABRIC_*` },
      validator: { validate: isEnvironment },
    });
}

function isEnvironment(value: unknown): boolean {
  if (!isObject(value)) return false;
  const entries = Object.entries(value);
  const isAllowed = (name: string) => VARIABLE.test(name) && name !== 'PORT' && !name.startsWith('FABRIC_');
  return (
    entries.length <= MAX_VARIABLES &&
    entries.every(([name, text]) => isAllowed(name) && typeof text === 'string' && text.length <= MAX_VARIABLE)
  );
}

/** Of plain JSON: no list, no null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
