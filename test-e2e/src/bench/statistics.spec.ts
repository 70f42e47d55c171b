import fc from 'fast-check';
import { orderOfRound, quantile, ratiosByRound, spread } from './statistics.js';

describe('spread', () => {
  it.each([
    ['one value', [3], { min: 3, median: 3, max: 3 }],
    ['an odd number: the middle one, whatever the order', [9, 1, 10], { min: 1, median: 9, max: 10 }],
    ['an even number: the mean of the middle two', [4, 1, 2, 100], { min: 1, median: 3, max: 100 }],
  ])('%s', (_, values, expected) => {
    expect(spread(values)).toEqual(expected);
  });

  it('leaves what it is given as it was, and refuses nothing at all', () => {
    const values = [2, 1];
    spread(values);
    expect(values).toEqual([2, 1]);
    expect(() => spread([])).toThrow('no values');
  });
});

describe('ratios by round', () => {
  it('a slow round of both is no difference, where the ratio of medians would show one', () => {
    expect(ratiosByRound([20, 2, 200], [10, 1, 100])).toEqual({ min: 2, median: 2, max: 2 });
    expect(ratiosByRound([10, 30, 10], [10, 10, 100]).median).toBe(1);
  });

  it('refuses rounds that do not belong together', () => {
    expect(() => ratiosByRound([1, 2], [1])).toThrow('2 rounds against 1');
  });
});

describe('the order of a round', () => {
  it('everybody is there once, and everybody begins in turn', () => {
    expect([0, 1, 2, 3].map((round) => orderOfRound(['a', 'b', 'c'], round).join(''))).toEqual(['abc', 'bca', 'cab', 'abc']);
    expect(orderOfRound([], 1)).toEqual([]);
  });
});

describe('quantile', () => {
  it.each([
    [0, 1],
    [0.5, 2],
    [0.51, 3],
    [0.99, 4],
    [1, 4],
  ])('%p of 1 2 3 4 is %p', (share, expected) => {
    expect(quantile([1, 2, 3, 4], share)).toBe(expected);
  });

  it('is a value that so many do not exceed, and the smallest of these', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.integer({ min: 1, max: 1_000 }), (values, perMille) => {
        const sorted = values.toSorted((a, b) => a - b);
        const found = quantile(sorted, perMille / 1_000);
        const upTo = (limit: number) => sorted.filter((value) => value <= limit).length / sorted.length;
        expect(upTo(found)).toBeGreaterThanOrEqual(perMille / 1_000);
        expect(upTo(found - 1)).toBeLessThan(perMille / 1_000);
      }),
    );
  });
});
