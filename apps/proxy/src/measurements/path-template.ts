const MAX_SEGMENTS = 7;
/** A word: no digits but those of a version, nothing that is encoded. */
const WORD = /^(?:v\d{1,3}|[A-Za-z][A-Za-z_.~-]{0,31})$/;

/** A path with what varies taken out, without query: `/orders/4711?x=1` is `/orders/{}`. At most 256 characters of printable ASCII. */
export function pathTemplate(path: string): string {
  const mark = path.indexOf('?');
  const segments = (mark < 0 ? path : path.slice(0, mark)).split('/', MAX_SEGMENTS + 2).slice(1);
  const shown = segments.slice(0, MAX_SEGMENTS).map((segment) => (segment === '' || WORD.test(segment) ? segment : '{}'));
  return `/${shown.join('/')}${segments.length > MAX_SEGMENTS ? '/{}' : ''}`;
}
