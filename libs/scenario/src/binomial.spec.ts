import { binomialBound, withinBinomialBound } from './binomial.js';

describe('binomial bound', () => {
  it('is z·√(n·p·(1−p)) + ½', () => {
    expect(binomialBound(2000, 0.5)).toBeCloseTo(3.2905 * Math.sqrt(500) + 0.5, 6);
    expect(binomialBound(2000, 0.1)).toBeCloseTo(3.2905 * Math.sqrt(180) + 0.5, 6);
  });

  it('takes what chance explains and refuses what it does not', () => {
    expect(withinBinomialBound(1000, 2000, 0.5)).toBe(true);
    expect(withinBinomialBound(1074, 2000, 0.5)).toBe(true);
    expect(withinBinomialBound(1075, 2000, 0.5)).toBe(false);
    // The 75/25 that a weight spread over 3 and 1 instances would give.
    expect(withinBinomialBound(1500, 2000, 0.5)).toBe(false);
  });

  it('leaves no room at 0 and at 100 percent', () => {
    expect(withinBinomialBound(0, 2000, 0)).toBe(true);
    expect(withinBinomialBound(1, 2000, 0)).toBe(false);
    expect(withinBinomialBound(2000, 2000, 1)).toBe(true);
    expect(withinBinomialBound(1999, 2000, 1)).toBe(false);
  });

  it('refuses what is no probability', () => {
    expect(() => binomialBound(10, 1.1)).toThrow(RangeError);
    expect(() => binomialBound(10, Number.NaN)).toThrow(RangeError);
    expect(() => binomialBound(1.5, 0.5)).toThrow(RangeError);
  });
});
