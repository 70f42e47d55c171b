import fc from 'fast-check';
import { weightsArbitrary } from './testing/arbitraries.js';
import { fromRecord, InvalidWeightsError, MAX_WEIGHTED_VERSIONS, parseWeights, TOTAL_BP, toPercentages, toRecord } from './weights.js';

describe('CONTRACT §3 Distribution: percentages with up to two decimals, sum exactly 100', () => {
  const good: [input: Record<string, number>, entries: [number, number][]][] = [
    [{ 1: 100 }, [[1, 10_000]]],
    [
      { 1: 90, 2: 10 },
      [
        [1, 9_000],
        [2, 1_000],
      ],
    ],
    [
      { 2: 100, 1: 0 },
      [
        [1, 0],
        [2, 10_000],
      ],
    ],
    [
      { 1: 33.33, 2: 33.33, 3: 33.34 },
      [
        [1, 3_333],
        [2, 3_333],
        [3, 3_334],
      ],
    ],
    [
      { 1: 0.07, 2: 99.93 },
      [
        [1, 7],
        [2, 9_993],
      ],
    ],
    [
      { 1: 99.99, 2: 0.01 },
      [
        [1, 9_999],
        [2, 1],
      ],
    ],
    [
      { 1: 1.1, 2: 2.2, 3: 96.7 },
      [
        [1, 110],
        [2, 220],
        [3, 9_670],
      ],
    ],
    [
      { 2147483647: 100, 10: 0, 9: 0 },
      [
        [9, 0],
        [10, 0],
        [2_147_483_647, 10_000],
      ],
    ],
    [
      { 1: -0, 2: 100 },
      [
        [1, 0],
        [2, 10_000],
      ],
    ],
  ];
  for (const [input, entries] of good) {
    it(`takes ${JSON.stringify(input)}`, () => {
      const parsed = parseWeights(input);
      expect(parsed.ok && [...parsed.weights]).toEqual(entries);
    });
  }

  it('takes every hundredth of a percent, however its double is rounded', () => {
    for (let weightBp = 0; weightBp <= TOTAL_BP; weightBp++) {
      const input = JSON.parse(`{"1": ${decimal(weightBp)}, "2": ${decimal(TOTAL_BP - weightBp)}}`);
      expect(parseWeights(input)).toEqual({
        ok: true,
        weights: new Map([
          [1, weightBp],
          [2, TOTAL_BP - weightBp],
        ]),
      });
    }
  });

  const bad: [name: string, input: unknown, path: string, message: string][] = [
    ['sum of 99.99', { 1: 90, 2: 9.99 }, 'weights', 'weights add up to 99.99, they must add up to 100'],
    ['sum of 100.01', { 1: 90, 2: 10.01 }, 'weights', 'weights add up to 100.01, they must add up to 100'],
    ['sum of 0', { 1: 0 }, 'weights', 'weights add up to 0, they must add up to 100'],
    ['negative', { 1: 100, 2: -1 }, 'weights.2', 'must not be negative, but is -1'],
    ['1e3', { 1: 1e3 }, 'weights.1', 'must not be above 100, but is 1000'],
    ['string', { 1: '90', 2: 10 }, 'weights.1', 'must be a number, not the string "90"'],
    ['NaN', { 1: Number.NaN }, 'weights.1', 'must be a finite number, not NaN'],
    ['Infinity', { 1: Number.POSITIVE_INFINITY }, 'weights.1', 'must be a finite number, not Infinity'],
    ['null', { 1: null }, 'weights.1', 'must be a number, not null'],
    ['boolean', { 1: true }, 'weights.1', 'must be a number, not a boolean'],
    ['nested object', { 1: { value: 100 } }, 'weights.1', 'must be a number, not an object'],
    ['three decimals', { 1: 12.345, 2: 87.655 }, 'weights.1', 'must have at most two decimals, but is 12.345'],
    ['nearly two decimals', { 1: 33.330000000000005, 2: 66.67 }, 'weights.1', 'must have at most two decimals, but is 33.330000000000005'],
    ['denormal', { 1: Number.MIN_VALUE, 2: 100 }, 'weights.1', 'must have at most two decimals, but is 5e-324'],
    ['0 versions', {}, 'weights', 'must name at least one version'],
    ['missing', undefined, 'weights', 'must be an object of version and percentage, not nothing'],
    ['array', [100], 'weights', 'must be an object of version and percentage, not an array'],
    ['10,000 versions', versions(10_000), 'weights', 'names 10000 versions, at most 1000 are allowed'],
    [
      'leading zero',
      { '01': 100 },
      'weights.01',
      'is not a version: a version is a whole number from 1 to 2147483647, without sign or leading zero',
    ],
    [
      'version 0',
      { 0: 100 },
      'weights.0',
      'is not a version: a version is a whole number from 1 to 2147483647, without sign or leading zero',
    ],
    [
      '__proto__',
      JSON.parse('{"__proto__": 100}'),
      'weights.__proto__',
      'is not a version: a version is a whole number from 1 to 2147483647, without sign or leading zero',
    ],
  ];
  for (const [name, input, path, message] of bad) {
    it(`refuses ${name}`, () => {
      const parsed = parseWeights(input);
      expect(parsed.ok ? [] : parsed.errors[0]).toEqual({ path, message });
    });
  }

  it('takes the most versions that are allowed', () => {
    expect(parseWeights(versions(MAX_WEIGHTED_VERSIONS)).ok).toBe(true);
    expect(parseWeights(versions(MAX_WEIGHTED_VERSIONS + 1)).ok).toBe(false);
  });

  it('names every bad entry, but no more than 20, and clips what it quotes', () => {
    const two = parseWeights({ 1: -1, 2: '9'.repeat(100_000), 3: 100 });
    expect(two.ok ? [] : two.errors.map(({ path }) => path)).toEqual(['weights.1', 'weights.2']);
    expect(JSON.stringify(two).length).toBeLessThan(300);
    const many = parseWeights(Object.fromEntries(Array.from({ length: 100 }, (_, index) => ['x'.repeat(1_000) + index, 1])));
    expect(many.ok ? [] : many.errors).toHaveLength(20);
    expect(JSON.stringify(many).length).toBeLessThan(5_000);
  });

  it('does not let a hostile object reach a prototype', () => {
    parseWeights(JSON.parse('{"__proto__": {"1": 100}, "constructor": 1}'));
    expect(({} as Record<string, unknown>)[1]).toBeUndefined();
  });

  it('never throws, and what it takes sums to 10000', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything({ withNullPrototype: true }), fc.dictionary(fc.nat(99).map(String), fc.double())), (input) => {
        const parsed = parseWeights(input);
        if (parsed.ok) expect([...parsed.weights.values()].reduce((sum, weightBp) => sum + weightBp, 0)).toBe(TOTAL_BP);
        else expect(parsed.errors.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('weights in other shapes', () => {
  it('come back from percentages and from records as they were, sorted by version', () => {
    fc.assert(
      fc.property(weightsArbitrary(), (weights) => {
        expect(parseWeights(JSON.parse(JSON.stringify(toPercentages(weights))))).toEqual({ ok: true, weights });
        expect([...fromRecord(JSON.parse(JSON.stringify(toRecord(weights))))]).toEqual([...weights]);
      }),
    );
  });

  it('fromRecord reads more versions than a user may send: those started since are there with 0', () => {
    expect(fromRecord({ ...zeros(MAX_WEIGHTED_VERSIONS), [MAX_WEIGHTED_VERSIONS + 1]: TOTAL_BP }).size).toBe(MAX_WEIGHTED_VERSIONS + 1);
  });

  it('sorts by number, not by text', () => {
    expect([...fromRecord({ 10: 1_000, 9: 9_000 }).keys()]).toEqual([9, 10]);
  });

  const bad: [name: string, record: Record<string, number>][] = [
    ['an empty record', {}],
    ['percentages', { 1: 90, 2: 10 }],
    ['fractions', { 1: 9_999.5, 2: 0.5 }],
    ['a negative weight', { 1: 10_001, 2: -1 }],
    ['what is not a version', { '01': 10_000 }],
    ['NaN', { 1: Number.NaN }],
  ];
  for (const [name, record] of bad) {
    it(`fromRecord refuses ${name}`, () => {
      expect(() => fromRecord(record)).toThrow(InvalidWeightsError);
    });
  }
});

function versions(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [index + 1, index === 0 ? 100 : 0]));
}

function zeros(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [index + 1, 0]));
}

function decimal(weightBp: number): string {
  return `${Math.floor(weightBp / 100)}.${String(weightBp % 100).padStart(2, '0')}`;
}
