import { parseVersion } from './version.js';

describe('parseVersion', () => {
  const cases: [text: string, version: number | null][] = [
    ['1', 1],
    ['10', 10],
    ['2147483647', 2_147_483_647],
    ['2147483648', null],
    ['99999999999', null],
    ['0', null],
    ['01', null],
    ['+1', null],
    ['-1', null],
    ['1e0', null],
    ['1.0', null],
    ['0x1', null],
    [' 1', null],
    ['1\n', null],
    ['', null],
    ['١', null],
    ['__proto__', null],
  ];
  for (const [text, version] of cases) {
    it(`reads ${JSON.stringify(text)} as ${version}`, () => {
      expect(parseVersion(text)).toBe(version);
    });
  }
});
