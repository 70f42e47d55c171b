/** What an `Accept` value says of the version. At most one of the two is not `null`. */
export interface AcceptVersion {
  /** The one value of all `app-version` parameters; not checked for being a version or alias. */
  readonly version: string | null;
  /** Why no version can be read, as a sentence. */
  readonly problem: string | null;
}

const NONE: AcceptVersion = { version: null, problem: null };
const UNREADABLE: AcceptVersion = { version: null, problem: 'The app-version in Accept cannot be read.' };
const CONTRADICTION: AcceptVersion = { version: null, problem: 'Accept names several different values of app-version.' };

const MENTIONED = /app-version/i;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const QUOTED = /^"(?:[^"\\]|\\.)*"$/s;
const NO_WEIGHT = /^0(?:\.0{0,3})?$/;

/**
 * Reads the parameter `app-version` out of an `Accept` value (RFC 9110 §12.5.1), of whatever media range: names in any case, values as
 * tokens or quoted. Ranges with `q=0` say what is not wanted and are passed over. Anything that would need a guess is a problem: two
 * different values, a parameter without value, a quote that does not end. A value that does not mention it allocates nothing.
 */
export function readAcceptVersion(accept: string): AcceptVersion {
  if (!MENTIONED.test(accept)) return NONE;
  let version: string | null = null;
  const ranges = splitOutsideQuotes(accept, ',');
  if (ranges === null) return UNREADABLE;
  for (const range of ranges) {
    const named = versionsOf(range);
    if (named === null) return UNREADABLE;
    for (const value of named) {
      if (version !== null && version !== value) return CONTRADICTION;
      version = value;
    }
  }
  return version === null ? NONE : { version, problem: null };
}

/** The `app-version` values of one media range; `null` when one cannot be read. */
function versionsOf(range: string): string[] | null {
  const found: string[] = [];
  let readable = true;
  const [, ...parameters] = splitOutsideQuotes(range, ';') ?? [];
  for (const parameter of parameters) {
    const equals = parameter.indexOf('=');
    const name = (equals < 0 ? parameter : parameter.slice(0, equals)).trim().toLowerCase();
    if (name === 'q' && NO_WEIGHT.test(parameter.slice(equals + 1).trim())) return [];
    if (name !== 'app-version') continue;
    const value = equals < 0 ? null : unquote(parameter.slice(equals + 1).trimEnd());
    if (value === null || /\s$/.test(parameter.slice(0, equals))) readable = false;
    else found.push(value);
  }
  return readable ? found : null;
}

/** The text of a token or quoted string; `null` for anything else, and for nothing. */
function unquote(text: string): string | null {
  if (TOKEN.test(text)) return text;
  const content = QUOTED.test(text) ? text.slice(1, -1).replace(/\\(.)/gs, '$1') : '';
  return content === '' ? null : content;
}

/** `null` when a quote does not end. */
function splitOutsideQuotes(text: string, separator: string): string[] | null {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === '"') quoted = !quoted;
    else if (quoted && character === '\\') index++;
    else if (!quoted && character === separator) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return quoted ? null : parts;
}
