import { isDeepStrictEqual } from 'node:util';
import { DomainError } from '../http/domain-error.js';

/** A variable of a program's environment. A secret's value goes to programs and to nobody else: no answer, event, error or log has it. */
interface Variable {
  value: string;
  secret: boolean;
}

export type Variables = Readonly<Record<string, Variable>>;

/** As a caller names them. A secret without a value keeps the one that it has, so that what was read can be put back. */
export type WantedVariables = Readonly<Record<string, Variable | { value: null; secret: true }>>;

/** What is to be stored. 422 unknown_secret when one is to keep its value and has none. */
export function withKeptSecrets(wanted: WantedVariables, before: Variables): Variables {
  const kept = new Map(Object.entries(before).filter(([, { secret }]) => secret));
  return Object.fromEntries(
    Object.entries(wanted).map(([name, { value, secret }]): [string, Variable] => {
      if (value !== null) return [name, { value, secret }];
      const known = kept.get(name);
      if (!known) throw new DomainError('unprocessable', 'unknown_secret', `${name} has no secret value yet: give one.`);
      return [name, known];
    }),
  );
}

/** The names of those that were added, changed or removed, in order. */
export function changedNames(before: Variables, after: Variables): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name])).sort();
}
