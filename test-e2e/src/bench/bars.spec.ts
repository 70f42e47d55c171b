import { type Bar, isMet, significant, verdict } from './bars.js';

const bar = (good: Bar['good']): Bar => ({ source: 'issue', what: 'CPU per request', limit: 1.6, good, unit: '× nginx' });

describe('a bar', () => {
  it.each([
    ['at most', 1.6, true],
    ['at most', 1.61, false],
    ['below', 1.59, true],
    ['below', 1.6, false],
    ['at least', 1.6, true],
    ['at least', 1.59, false],
    ['at most', Number.NaN, false],
    ['at least', Number.NaN, false],
  ] as const)('%s 1.6: with %p it is met: %p', (good, value, met) => {
    expect(isMet(bar(good), value)).toBe(met);
  });

  it('a verdict says plainly what was missed, by how much, and who asked for it', () => {
    expect(verdict(bar('at most'), 3.4567)).toBe('NOT MET  CPU per request: 3.46 × nginx, at most 1.6 (issue)');
    expect(verdict(bar('at most'), 1.5)).toBe('met      CPU per request: 1.50 × nginx, at most 1.6 (issue)');
  });

  it.each([
    [0, '0'],
    [0.01234, '0.0123'],
    [1.6, '1.60'],
    [99.96, '100.0'],
    [12_345.6, '12,346'],
    [-2.5, '-2.50'],
  ])('%p is printed as %p', (value, text) => {
    expect(significant(value)).toBe(text);
  });
});
