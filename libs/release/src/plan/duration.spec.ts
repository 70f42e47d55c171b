import fc from 'fast-check';
import { formatDuration, parseDuration } from './duration.js';

describe('parseDuration', () => {
  it.each<[unknown, number | null]>([
    ['500ms', 500],
    ['90s', 90_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['0s', 0],
    ['', null],
    ['s', null],
    ['90', null],
    [90, null],
    [null, null],
    [undefined, null],
    [['1s'], null],
    ['-1s', null],
    ['1.5h', null],
    ['1h30m', null],
    ['1 h', null],
    ['1H', null],
    ['1w', null],
    ['1s\n', null],
    ['12345678901s', null],
  ])('%p is %p', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it('reads what formatDuration writes', () => {
    fc.assert(fc.property(fc.nat(999_999_999), (ms) => parseDuration(formatDuration(ms)) === ms));
    expect([0, 500, 90_000, 7_200_000, 86_400_000].map(formatDuration)).toEqual(['0s', '500ms', '90s', '2h', '1d']);
  });
});
