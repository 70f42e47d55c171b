import fc from 'fast-check';
import { readAcceptVersion } from './accept-version.js';

describe('issue 3: pins by content type, `Accept: …; app-version=2`', () => {
  const cases: [accept: string, expected: string | null | 'unreadable' | 'several'][] = [
    ['', null],
    ['*/*', null],
    ['application/json', null],
    ['application/json;app-version=2', '2'],
    ['application/json; app-version=2', '2'],
    ['application/json \t;\t app-version=2 \t', '2'],
    ['application/json; APP-Version=2', '2'],
    ['application/json; app-version=canary', 'canary'],
    ['application/json; app-version=Canary', 'Canary'],
    ['application/json; app-version=latest', 'latest'],
    ['application/json; app-version="2"', '2'],
    ['application/json; app-version="can\\ary"', 'canary'],
    ['application/json; app-version="1,2;3"', '1,2;3'],
    ['application/json; charset="a;app-version=9"; app-version=2', '2'],
    ['application/json; charset="\\";app-version=9,"; app-version=2', '2'],
    ['text/html, application/json; q=0.9; app-version=2, */*; q=0.1', '2'],
    ['text/html, application/json; app-version=2; q=0.9', '2'],
    ['text/html; app-version=2, application/json; app-version=2', '2'],
    ['text/html; app-version=2, application/json; app-version="2"', '2'],
    ['text/html; app-version=2; app-version=2', '2'],
    // What is not wanted does not pin.
    ['text/html; app-version=1; q=0, application/json; app-version=2', '2'],
    ['text/html; app-version=1; q=0.000', null],
    ['text/html; app-version=1; q=0.001', '1'],
    // Two different values contradict each other.
    ['text/html; app-version=1, application/json; app-version=2', 'several'],
    ['text/html; app-version=1; app-version=2', 'several'],
    ['text/html; app-version=latest, application/json; app-version=2', 'several'],
    // Nothing is guessed.
    ['text/html; app-version', 'unreadable'],
    ['text/html; app-version=', 'unreadable'],
    ['text/html; app-version=""', 'unreadable'],
    ['text/html; app-version =2', 'unreadable'],
    ['text/html; app-version= 2', 'unreadable'],
    ['text/html; app-version=1 2', 'unreadable'],
    ['text/html; app-version="2', 'unreadable'],
    ['text/html; app-version=2"', 'unreadable'],
    ['text/html; app-version=2; x="', 'unreadable'],
    ['text/html; app-version="2"3', 'unreadable'],
    // Other things of a similar name.
    ['application/vnd.app-version+json', null],
    ['app-version=2', null],
    ['app-version=2/html', null],
    ['text/html; my-app-version=2', null],
    ['text/html; app-versions=2', null],
    ['text/html; x="app-version=2"', null],
    [',,;,', null],
  ];
  it.each(cases)('%s', (accept, expected) => {
    const { version, problem } = readAcceptVersion(accept);
    if (expected === 'unreadable') expect(problem).toMatch(/cannot be read/);
    else if (expected === 'several') expect(problem).toMatch(/several different/);
    else expect({ version, problem }).toEqual({ version: expected, problem: null });
  });

  it('gives the same shared object where nothing is pinned', () => {
    expect(readAcceptVersion('text/html')).toBe(readAcceptVersion('application/json, */*;q=0.1'));
  });

  it('finds a quoted value again, whatever it holds and stands between', () => {
    const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), (value, other) => {
        const accept = `text/html; x=${quote(other)}, a/b; app-version=${quote(value)}; y=${quote(other)}, */*`;
        expect(readAcceptVersion(accept)).toEqual({ version: value, problem: null });
      }),
    );
  });

  it('never throws, and is done with a long value at once', () => {
    fc.assert(fc.property(fc.string(), (text) => typeof readAcceptVersion(`x;app-version=${text}`) === 'object'));
    expect(readAcceptVersion(`${';'.repeat(50_000)}app-version=2${'"\\'.repeat(50_000)}`).problem).not.toBeNull();
  });
});
