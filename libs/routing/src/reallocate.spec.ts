import fc from 'fast-check';
import { effectiveWeights, reallocate, withShare, zeroVersion } from './reallocate.js';
import { runningArbitrary, weightsArbitrary } from './testing/arbitraries.js';
import { TOTAL_BP, type Weights } from './weights.js';

type Record_ = Record<number, number>;

describe('CONTRACT §3 rule 2: stopping a version moves its weight to the versions still running, in proportion', () => {
  const cases: [name: string, weights: Record_, leaving: number, eligible: number[], expected: Record_ | null][] = [
    ['one other takes all', { 1: 9_000, 2: 1_000 }, 1, [1, 2], { 2: 10_000 }],
    ['in proportion', { 1: 5_000, 2: 3_000, 3: 2_000 }, 1, [1, 2, 3], { 2: 6_000, 3: 4_000 }],
    ['lower version on a tie', { 1: 9_998, 2: 1, 3: 1 }, 3, [1, 2, 3], { 1: 9_999, 2: 1 }],
    ['lower version on a tie of three', { 1: 1_000, 2: 3_000, 3: 3_000, 4: 3_000 }, 1, [2, 3, 4], { 2: 3_334, 3: 3_333, 4: 3_333 }],
    ['largest remainder first', { 1: 1, 2: 3_333, 3: 6_666 }, 1, [2, 3], { 2: 3_333, 3: 6_667 }],
    ['a version with 0 stays at 0', { 1: 3_333, 2: 0, 3: 6_667 }, 1, [2, 3], { 2: 0, 3: 10_000 }],
    ['no weight to move: only removed', { 1: 3_333, 2: 0, 3: 6_667 }, 2, [1, 3], { 1: 3_333, 3: 6_667 }],
    ['not stored: nothing to do', { 1: 10_000 }, 2, [1], { 1: 10_000 }],
    ['stored but not running moves too', { 1: 5_000, 2: 2_500, 3: 2_500 }, 1, [1, 2], { 2: 10_000 }],
    ['it does not matter whether the leaving version still runs', { 1: 5_000, 2: 5_000 }, 1, [2], { 2: 10_000 }],
    ['rule 3: the others have 0', { 1: 10_000, 2: 0 }, 1, [1, 2], null],
    ['rule 3: the others with weight do not run', { 1: 5_000, 2: 5_000, 3: 0 }, 1, [1, 3], null],
    ['rule 3: nothing else runs', { 1: 10_000 }, 1, [1], null],
  ];
  for (const [name, weights, leaving, eligible, expected] of cases) {
    it(name, () => {
      const result = reallocate(of(weights), leaving, new Set(eligible));
      expect(result && [...result]).toEqual(expected && [...of(expected)]);
    });
  }

  it('keeps the sum, takes from nobody, leaves 0 at 0, and is within one basis point of the exact proportion', () => {
    fc.assert(
      fc.property(weightsArbitrary(), fc.nat(), (weights, index) => {
        const leaving = [...weights.keys()][index % weights.size] as number;
        const after = reallocate(weights, leaving, new Set(weights.keys()));
        const rest = TOTAL_BP - (weights.get(leaving) ?? 0);
        if (after === null) return expect(rest).toBe(0);
        expect(sum(after)).toBe(TOTAL_BP);
        expect([...after.keys()]).toEqual([...weights.keys()].filter((version) => version !== leaving));
        for (const [version, weightBp] of after) {
          const before = weights.get(version) ?? 0;
          expect(weightBp).toBeGreaterThanOrEqual(before);
          if (before === 0) expect(weightBp).toBe(0);
          expect(Math.abs(weightBp - (before * TOTAL_BP) / rest)).toBeLessThan(1);
        }
      }),
    );
  });

  it('keeps the order: who had at least as much has at least as much, but for the lower version on a tie', () => {
    fc.assert(
      fc.property(weightsArbitrary(), runningArbitrary, (weights, running) => {
        const after = [...effectiveWeights(weights, running)];
        for (const [a, weightA] of after) {
          for (const [b, weightB] of after) {
            if ((weights.get(a) ?? 0) > (weights.get(b) ?? 0)) expect(weightA).toBeGreaterThanOrEqual(weightB);
            if (weights.get(a) === weights.get(b) && a < b) expect([0, 1]).toContain(weightA - weightB);
          }
        }
      }),
    );
  });

  it('leaves its arguments alone', () => {
    const weights = of({ 1: 5_000, 2: 5_000 });
    reallocate(weights, 1, new Set([1, 2]));
    zeroVersion(weights, 1, new Set([1, 2]));
    expect([...weights]).toEqual([
      [1, 5_000],
      [2, 5_000],
    ]);
  });
});

describe('CONTRACT §3 distribution/zero: the version keeps running with 0', () => {
  const cases: [name: string, weights: Record_, version: number, eligible: number[], expected: Record_ | null][] = [
    ["the stable version takes the canary's", { 1: 9_000, 2: 1_000 }, 2, [1, 2], { 1: 10_000, 2: 0 }],
    ['in proportion', { 1: 5_000, 2: 3_000, 3: 2_000 }, 1, [1, 2, 3], { 1: 0, 2: 6_000, 3: 4_000 }],
    ['already 0', { 1: 10_000, 2: 0 }, 2, [1, 2], { 1: 10_000, 2: 0 }],
    ['nobody to take over', { 1: 10_000, 2: 0 }, 1, [1, 2], null],
  ];
  for (const [name, weights, version, eligible, expected] of cases) {
    it(name, () => {
      const result = zeroVersion(of(weights), version, new Set(eligible));
      expect(result && [...result]).toEqual(expected && [...of(expected)]);
    });
  }

  it('gives the others what a stop would give them', () => {
    fc.assert(
      fc.property(weightsArbitrary(), runningArbitrary, (weights, running) => {
        const version = [...weights].find(([, weightBp]) => weightBp > 0)?.[0] as number;
        const zeroed = zeroVersion(weights, version, running);
        const stopped = reallocate(weights, version, running);
        expect(zeroed && [...zeroed].filter(([other]) => other !== version)).toEqual(stopped && [...stopped]);
        expect(zeroed === null || zeroed.get(version)).toBe(zeroed === null ? true : 0);
      }),
    );
  });
});

describe('CONTRACT §3 rule 2, several services: effective = stored, restricted to the versions in which the service runs', () => {
  const cases: [name: string, stored: Record_, running: number[], expected: Record_][] = [
    ['runs in all: as stored', { 1: 9_000, 2: 1_000 }, [1, 2], { 1: 9_000, 2: 1_000 }],
    ['runs in one of two', { 1: 9_000, 2: 1_000 }, [2], { 2: 10_000 }],
    ['thirds', { 1: 1, 2: 1, 3: 1, 4: 9_997 }, [1, 2, 3], { 1: 3_334, 2: 3_333, 3: 3_333 }],
    ['zero means zero', { 1: 10_000, 2: 0 }, [2], {}],
    ['runs only in versions that are not stored', { 1: 10_000 }, [2], {}],
    ['runs nowhere', { 1: 10_000 }, [], {}],
    ['a running version that is not stored is not listed', { 1: 10_000 }, [1, 2], { 1: 10_000 }],
  ];
  for (const [name, stored, running, expected] of cases) {
    it(name, () => {
      expect([...effectiveWeights(of(stored), new Set(running))]).toEqual([...of(expected)]);
    });
  }

  it('sums to 10000 or is empty, lists only running versions, and does not depend on the order of insertion', () => {
    fc.assert(
      fc.property(weightsArbitrary(), runningArbitrary, (stored, running) => {
        const effective = effectiveWeights(stored, running);
        expect([0, TOTAL_BP]).toContain(sum(effective));
        expect([...effective.keys()].every((version) => running.has(version))).toBe(true);
        expect([...effectiveWeights(new Map([...stored].reverse()), running)]).toEqual([...effective]);
      }),
    );
  });

  it('when every version with weight runs, a service that leaves a version follows what a stop of the version would store', () => {
    fc.assert(
      fc.property(weightsArbitrary(), fc.nat(), (stored, index) => {
        const leaving = [...stored.keys()][index % stored.size] as number;
        const running = new Set(stored.keys());
        const effective = effectiveWeights(stored, running);
        running.delete(leaving);
        expect([...effectiveWeights(stored, running)]).toEqual([...(reallocate(effective, leaving, running) ?? [])]);
      }),
    );
  });

  it('must not be chained: rounding twice is not rounding once', () => {
    const stored = of({ 1: 1, 2: 1, 3: 1, 4: 9_997 });
    const chained = effectiveWeights(effectiveWeights(stored, new Set([1, 2, 3])), new Set([1, 2]));
    expect([...chained]).toEqual([
      [1, 5_001],
      [2, 4_999],
    ]);
    expect([...effectiveWeights(stored, new Set([1, 2]))]).toEqual([
      [1, 5_000],
      [2, 5_000],
    ]);
  });
});

describe('withShare', () => {
  it.each<[Record_, number, Record_ | null]>([
    [{ 1: 10_000 }, 500, { 1: 9_500, 2: 500 }],
    [{ 1: 10_000 }, 0, { 1: 10_000, 2: 0 }],
    [{ 1: 10_000 }, 10_000, { 1: 0, 2: 10_000 }],
    [{ 1: 6_000, 3: 4_000 }, 2_000, { 1: 4_800, 2: 2_000, 3: 3_200 }],
    [{ 1: 6_667, 3: 3_333 }, 1, { 1: 6_666, 2: 1, 3: 3_333 }],
    [{ 1: 9_000, 2: 1_000 }, 0, { 1: 10_000, 2: 0 }],
    [{ 2: 10_000 }, 10_000, { 2: 10_000 }],
    [{ 2: 10_000 }, 500, null],
  ])('%j, version 2 with %p', (weights, share, expected) => {
    const result = withShare(of(weights), 2, share);
    expect(result && Object.fromEntries(result)).toEqual(expected);
  });

  it('gives exactly the share, and sums to all', () => {
    fc.assert(
      fc.property(weightsArbitrary(), fc.nat(TOTAL_BP), fc.nat(), (weights, share, index) => {
        const version = [...weights.keys(), 2_000_000][index % (weights.size + 1)] as number;
        const result = withShare(weights, version, share);
        if (result === null) return expect((weights.get(version) ?? 0) === TOTAL_BP).toBe(true);
        expect([result.get(version), sum(result)]).toEqual([share, TOTAL_BP]);
      }),
    );
  });
});

function of(record: Record_): Weights {
  return new Map(Object.entries(record).map(([version, weightBp]) => [Number(version), weightBp]));
}

function sum(weights: Weights): number {
  return [...weights.values()].reduce((total, weightBp) => total + weightBp, 0);
}
