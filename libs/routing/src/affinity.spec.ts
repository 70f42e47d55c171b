import fc from 'fast-check';
import { affinitySeed, chooseByAffinity } from './affinity.js';
import { weightsArbitrary } from './testing/arbitraries.js';
import { binomialBound } from './testing/seeded-random.js';
import { TOTAL_BP, type Weights } from './weights.js';

const KEYS = Array.from({ length: 5_000 }, (_, index) => `customer-${index}`);

describe('affinity: a consumer stays on one version as long as the weights allow it', () => {
  it('follows the weights', () => {
    const cases: Record<number, number>[] = [
      { 1: 5_000, 2: 5_000 },
      { 1: 9_000, 2: 1_000 },
      { 1: 9_900, 2: 100 },
      { 7: 2_000, 8: 3_000, 9: 5_000 },
      { 1: 1_000, 2: 1_000, 3: 1_000, 4: 1_000, 5: 1_000, 6: 1_000, 7: 1_000, 8: 1_000, 9: 1_000, 10: 1_000 },
    ];
    for (const weights of cases.map(of)) {
      const counts = new Map<number, number>();
      for (const version of assign(KEYS, weights).values()) counts.set(version, (counts.get(version) ?? 0) + 1);
      for (const [version, weightBp] of weights) {
        const share = weightBp / TOTAL_BP;
        expect(Math.abs((counts.get(version) ?? 0) - KEYS.length * share)).toBeLessThan(binomialBound(KEYS.length, share));
      }
    }
  });

  it('is even for each pair of versions, and for keys that are short, long, alike or not Latin', () => {
    const families: ((index: number) => string)[] = [
      String,
      (index) => `10.0.${index >> 8}.${index & 0xff}`,
      (index) => `${'x'.repeat(60)}${index}`,
      (index) => String.fromCharCode(0x4e00 + index),
      (index) => String.fromCharCode(index),
    ];
    for (const family of families) {
      const keys = Array.from({ length: 2_000 }, (_, index) => family(index));
      for (let version = 1; version < 10; version++) {
        const first = [...assign(keys, of({ [version]: 5_000, [version + 1]: 5_000 })).values()].filter((chosen) => chosen === version);
        // Looser than one test's 99.9 %: here are 45 at once.
        expect(Math.abs(first.length - 1_000)).toBeLessThan(1.6 * binomialBound(2_000, 0.5));
      }
    }
  });

  it('a key moves only to a version whose weight grew by a larger factor', () => {
    fc.assert(
      fc.property(weightsArbitrary(5), weightsArbitrary(5), fc.array(fc.string(), { maxLength: 50 }), (before, after, keys) => {
        const from = assign(keys, before);
        for (const [key, to] of assign(keys, after)) {
          const source = from.get(key) as number;
          if (source !== to) expect(factor(to, before, after)).toBeGreaterThan(factor(source, before, after));
        }
      }),
    );
  });

  const minimal: [name: string, before: Record<number, number>, after: Record<number, number>][] = [
    ['a canary grows', { 1: 9_000, 2: 1_000 }, { 1: 8_000, 2: 2_000 }],
    ['a canary goes back', { 1: 5_000, 2: 5_000 }, { 1: 9_500, 2: 500 }],
    ['the middle one of three stops', { 1: 4_000, 2: 2_000, 3: 4_000 }, { 1: 5_000, 3: 5_000 }],
    ['a third one begins, the others keep their proportion', { 1: 8_000, 2: 2_000 }, { 1: 7_200, 2: 1_800, 3: 1_000 }],
  ];
  for (const [name, before, after] of minimal) {
    it(`moves no more keys than the weights differ, and the winners lose none: ${name}`, () => {
      const difference = totalVariation(of(before), of(after));
      expect(Math.abs(moved(of(before), of(after)) - KEYS.length * difference)).toBeLessThan(binomialBound(KEYS.length, difference));
      const to = assign(KEYS, of(after));
      for (const [key, version] of assign(KEYS, of(before))) {
        if ((after[version] ?? 0) >= (before[version] ?? 0)) expect(to.get(key)).toBe(version);
      }
    });
  }

  const others: [name: string, before: Record<number, number>, after: Record<number, number>][] = [
    ['one version gives to another, a third stays', { 1: 8_000, 2: 1_000, 3: 1_000 }, { 1: 7_000, 2: 2_000, 3: 1_000 }],
    ['reversed', { 1: 7_000, 2: 2_000, 3: 1_000 }, { 1: 1_000, 2: 2_000, 3: 7_000 }],
    ['50/50/0 to 50/0/50', { 1: 5_000, 2: 5_000 }, { 1: 5_000, 3: 5_000 }],
  ];
  for (const [name, before, after] of others) {
    it(`never moves more than 2d / (1 + d) for a difference of d: ${name}`, () => {
      const difference = totalVariation(of(before), of(after));
      const bound = (2 * difference) / (1 + difference);
      expect(moved(of(before), of(after))).toBeLessThan(KEYS.length * bound + binomialBound(KEYS.length, bound));
    });
  }

  it('depends on nothing but key and weights: the table of a released version stays as it is', () => {
    const weights = of({ 1: 5_000, 2: 3_000, 3: 2_000 });
    const chosen = [...assign(['', 'a', 'b', 'alice', 'bob', 'käse', '日本', '10.0.0.1'], weights).values()];
    expect(chosen).toEqual(GOLDEN);
  });
});

/** Changing this moves consumers between versions when a proxy is upgraded. */
const GOLDEN = [1, 1, 3, 1, 1, 1, 1, 2];

function assign(keys: readonly string[], weights: Weights): Map<string, number> {
  const weighted = [...weights].filter(([, weightBp]) => weightBp > 0);
  const seeds = Int32Array.from(weighted, ([version]) => affinitySeed(version));
  const values = Float64Array.from(weighted, ([, weightBp]) => weightBp);
  return new Map(keys.map((key) => [key, weighted[chooseByAffinity(key, seeds, values)]?.[0] as number]));
}

function moved(before: Weights, after: Weights): number {
  const to = assign(KEYS, after);
  return [...assign(KEYS, before)].filter(([key, version]) => to.get(key) !== version).length;
}

function factor(version: number, before: Weights, after: Weights): number {
  return (after.get(version) ?? 0) / (before.get(version) ?? 0);
}

function totalVariation(before: Weights, after: Weights): number {
  const versions = new Set([...before.keys(), ...after.keys()]);
  let gained = 0;
  for (const version of versions) gained += Math.max(0, (after.get(version) ?? 0) - (before.get(version) ?? 0));
  return gained / TOTAL_BP;
}

function of(record: Record<number, number>): Weights {
  return new Map(Object.entries(record).map(([version, weightBp]) => [Number(version), weightBp]));
}
