import { registerDecorator } from 'class-validator';

const MAX_LENGTH = 300;
/** `http://host:port` or `https://host:port`, at most a slash behind it. What the URL parser would repair or drop (blanks, `\`, a path, user and password) is refused. */
const SHAPE = /^https?:\/\/(\[[0-9a-f:.]+\]|[^\s\p{Cc}/\\?#@[\]:]+)(:[0-9]{1,5})?\/?$/iu;

/** The instance's base URL in one spelling (`scheme://host:port`), or null when it is none that requests can be sent to. */
export function parseInstanceUrl(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > MAX_LENGTH || !SHAPE.test(value) || !URL.canParse(value)) return null;
  const { origin, port } = new URL(value);
  return port === '0' ? null : origin;
}

/** Property decorator: see {@link parseInstanceUrl}. */
export function IsInstanceUrl(): PropertyDecorator {
  return (target, property) =>
    registerDecorator({
      name: 'isInstanceUrl',
      target: target.constructor,
      propertyName: String(property),
      options: { message: '$property must be http://host:port or https://host:port, without path, query, user or password' },
      validator: { validate: (value: unknown) => parseInstanceUrl(value) !== null },
    });
}
