import { registerDecorator, type ValidationArguments } from 'class-validator';
import { isObject } from '../../http/validators.js';

const MAX_VARIABLES = 256;
const MAX_VALUE = 32_768;
/** Of all names and values together, in UTF-8: what the operating system takes is not far above it. */
const MAX_BYTES = 262_144;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MAX_NAME = 256;

/** As the body has it: plain text, or with what is to be known of it. */
export type GivenVariable = string | { secret?: boolean; value?: string };

/** Property decorator: variables of a namespace. What it says is wrong names the variable, never a value. */
export function IsVariables(): PropertyDecorator {
  return (target, property) =>
    registerDecorator({
      name: 'isVariables',
      target: target.constructor,
      propertyName: String(property),
      validator: {
        validate: (value: unknown) => whyNoVariables(value) === null,
        defaultMessage: ({ property: name, value }: ValidationArguments) => `${name} ${whyNoVariables(value)}`,
      },
    });
}

/** Null: they are fine. */
function whyNoVariables(given: unknown): string | null {
  if (!isObject(given)) return 'must be an object of variables';
  const entries = Object.entries(given);
  if (entries.length > MAX_VARIABLES) return `must be at most ${MAX_VARIABLES} variables`;
  let bytes = 0;
  for (const [name, variable] of entries) {
    const shown = name.slice(0, 64);
    if (!NAME.test(name) || name.length > MAX_NAME)
      return `has ${JSON.stringify(shown)}, which is no name: letters, digits and _, no digit first`;
    if (name === 'PORT' || name.startsWith('FABRIC_')) return `has ${shown}, which the fabric sets itself (PORT and FABRIC_*)`;
    const why = whyNoVariable(variable);
    if (why !== null) return `has ${shown}, which ${why}`;
    const value = typeof variable === 'string' ? variable : ((variable as { value?: string }).value ?? '');
    bytes += name.length + Buffer.byteLength(value);
  }
  return bytes > MAX_BYTES ? `must be at most ${MAX_BYTES} bytes together` : null;
}

function whyNoVariable(variable: unknown): string | null {
  if (typeof variable === 'string') return whyNoValue(variable);
  if (!isObject(variable)) return 'must be text, or {secret, value}';
  const { secret, value, ...others } = variable;
  if (Object.keys(others).length > 0) return 'has fields other than secret and value';
  if (secret !== undefined && typeof secret !== 'boolean') return 'must have true or false as secret';
  if (value === undefined) return secret === true ? null : 'has no value, and is no secret that could keep its own';
  return typeof value === 'string' ? whyNoValue(value) : 'must have text as value';
}

function whyNoValue(value: string): string | null {
  return value.length > MAX_VALUE ? `is longer than ${MAX_VALUE} characters` : null;
}
