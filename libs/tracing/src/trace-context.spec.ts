import { readTraceContext, traceparentOf } from './trace-context.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const VALID = `00-${TRACE}-${SPAN}-01`;

describe('W3C Trace Context: traceparent', () => {
  it('is read and written', () => {
    const context = readTraceContext([VALID], []);
    expect(context).toEqual({ traceId: TRACE, spanId: SPAN, flags: 1, tracestate: '' });
    expect(traceparentOf(context!)).toBe(VALID);
  });

  const accepted: [string, string, number][] = [
    ['not sampled', `00-${TRACE}-${SPAN}-00`, 0],
    ['the random flag of level 2 is kept', `00-${TRACE}-${SPAN}-03`, 3],
    ['unknown flags are not passed on', `00-${TRACE}-${SPAN}-fd`, 1],
    ['a later version of four fields', `cc-${TRACE}-${SPAN}-01`, 1],
    ['a later version that says more', `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, 1],
    ['a later version with an empty field behind', `01-${TRACE}-${SPAN}-01-`, 1],
  ];
  for (const [title, text, flags] of accepted) {
    it(`accepts: ${title}`, () => expect(readTraceContext([text], [])).toMatchObject({ traceId: TRACE, spanId: SPAN, flags }));
  }

  const refused: [string, string[]][] = [
    ['none', []],
    ['said twice', [VALID, VALID]],
    ['two in one field', [`${VALID},${VALID}`]],
    ['empty', ['']],
    ['version ff', [`ff-${TRACE}-${SPAN}-01`]],
    ['version 00 that says more', [`${VALID}-x`]],
    ['version 00 with a field that is empty', [`${VALID}-`]],
    ['a later version that goes on without a dash', [`cc-${TRACE}-${SPAN}-01.x`]],
    ['a trace id of zeros', [`00-${'0'.repeat(32)}-${SPAN}-01`]],
    ['a parent id of zeros', [`00-${TRACE}-${'0'.repeat(16)}-01`]],
    ['upper case', [VALID.toUpperCase()]],
    ['a trace id too short', [`00-${TRACE.slice(1)}-${SPAN}-01`]],
    ['a trace id too long', [`00-${TRACE}0-${SPAN}-01`]],
    ['no hex digit in the parent id', [`00-${TRACE}-${SPAN.slice(1)}g-01`]],
    ['flags of one digit', [`00-${TRACE}-${SPAN}-1`]],
    ['flags of three digits', [`00-${TRACE}-${SPAN}-001`]],
    ['a version of one digit', [`0-${TRACE}-${SPAN}-01`]],
    ['spaces in front', [` ${VALID}`]],
    ['no flags', [`00-${TRACE}-${SPAN}`]],
    ['very long', [`cc-${TRACE}-${SPAN}-01-${'x'.repeat(1_000)}`]],
  ];
  for (const [title, values] of refused) it(`refuses: ${title}`, () => expect(readTraceContext(values, ['a=1'])).toBeNull());
});

describe('W3C Trace Context: tracestate', () => {
  const stateOf = (...values: string[]) => readTraceContext([VALID], values)!.tracestate;
  const members = (count: number) => Array.from({ length: count }, (_, index) => `k${index}=1`).join(',');
  const long = `long=${'v'.repeat(124)}`;
  const short = Array.from({ length: 9 }, (_, index) => `k${index}=${'v'.repeat(60)}`);

  const cases: [string, string[], string][] = [
    ['one field', ['rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'], 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'],
    ['several fields are one list, in order', ['a=1', 'b=2,c=3'], 'a=1,b=2,c=3'],
    ['white space and empty members', [' a=1 ,\t, b=2', ''], 'a=1,b=2'],
    ['a multi-tenant key', ['tenant@vendor=1'], 'tenant@vendor=1'],
    ['a key that begins with a digit', ['0a=1'], '0a=1'],
    ['a value with spaces inside', ['a=x y'], 'a=x y'],
    ['32 members', [members(32)], members(32)],
    ['33 members', [members(33)], ''],
    ['no equals sign', ['a=1,b'], ''],
    ['an equals sign in the value', ['a=1=2'], ''],
    ['an upper-case key', ['A=1'], ''],
    ['an empty value', ['a='], ''],
    ['a key of 257 characters', [`${'a'.repeat(257)}=1`], ''],
    ['a control character', ['a=\u0001'], ''],
    ['512 characters are kept whole', [`a=${'v'.repeat(250)},b=${'v'.repeat(255)}`], `a=${'v'.repeat(250)},b=${'v'.repeat(255)}`],
    ['too long: entries above 128 characters go first', [[long, ...short.slice(0, 8)].join(',')], short.slice(0, 8).join(',')],
    ['still too long: those at the end go', [[long, ...short].join(',')], short.slice(0, 8).join(',')],
  ];
  for (const [title, values, expected] of cases) it(title, () => expect(stateOf(...values)).toBe(expected));
});
