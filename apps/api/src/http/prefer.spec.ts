import { DomainError } from './domain-error.js';
import { parsePreferWait } from './prefer.js';

describe('CONTRACT §3: Prefer: wait=N (RFC 7240)', () => {
  const cases: [header: string | string[] | undefined, seconds: number | null][] = [
    [undefined, null],
    ['', null],
    ['respond-async', null],
    ['waiting=5', null],
    ['wait=5', 5],
    ['wait=0', 0],
    ['wait=300', 300],
    ['Wait = "5"', 5],
    ['respond-async, wait=10', 10],
    ['respond-async; wait=3, wait=10', 10],
    ['wait=10; foo="a,b"', 10],
    ['note="wait=3, wait=4", wait=10', 10],
    ['wait=1, wait=2', 1],
    [['respond-async', 'wait=7'], 7],
  ];
  for (const [header, seconds] of cases) it(`${JSON.stringify(header)}: ${seconds}`, () => expect(parsePreferWait(header)).toBe(seconds));

  for (const header of ['wait', 'wait=', 'wait=-1', 'wait=1.5', 'wait=301', 'wait=1e2', 'wait=5s', 'wait="', 'wait=99999999999999999999']) {
    it(`${header}: 400`, () => expect(() => parsePreferWait(header)).toThrow(DomainError));
  }
});
