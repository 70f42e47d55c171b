import { pickInstance } from './pick-instance.js';
import { binomialBound, seededRandom } from './testing/seeded-random.js';

const loadOf = ({ load }: { load: number }) => load;

describe('CONTRACT §4: inside a version, the one with fewer requests in flight of two random instances', () => {
  it('takes the less busy one of two', () => {
    const instances = [{ load: 5 }, { load: 0 }];
    for (let seed = 0; seed < 20; seed++) expect(pickInstance(instances, loadOf, seededRandom(seed))).toBe(instances[1]);
  });

  it('draws two distinct ones: the busiest is never taken', () => {
    for (let busiest = 0; busiest < 4; busiest++) {
      const instances = Array.from({ length: 4 }, (_, index) => ({ load: index === busiest ? 9 : 1 }));
      const random = seededRandom(busiest);
      for (let times = 0; times < 1_000; times++) expect(pickInstance(instances, loadOf, random).load).toBe(1);
    }
  });

  it('chooses of any two: the second least busy wins unless the least busy was drawn too', () => {
    const instances = [0, 1, 2, 3].map((load) => ({ load }));
    const counts = countPicks(instances, 20_000);
    // Of the 6 pairs, 3 contain the least busy, 2 more the next, 1 more the third, none the last.
    const expected = [3 / 6, 2 / 6, 1 / 6];
    expected.forEach((share, index) => {
      expect(Math.abs((counts[index] as number) - 20_000 * share)).toBeLessThan(binomialBound(20_000, share));
    });
    expect(counts[3]).toBe(0);
  });

  for (const count of [2, 3, 7]) {
    it(`is even over ${count} instances that are level`, () => {
      const instances = Array.from({ length: count }, () => ({ load: 0 }));
      for (const picks of countPicks(instances, 20_000)) {
        expect(Math.abs(picks - 20_000 / count)).toBeLessThan(binomialBound(20_000, 1 / count));
      }
    });
  }

  it('takes the only one without drawing', () => {
    const only = { load: 100 };
    const never = () => {
      throw new Error('must not draw');
    };
    expect(pickInstance([only], never, never)).toBe(only);
  });

  describe('issue 3: ejected instances are not picked', () => {
    const withUsable = (usable: boolean[]) => usable.map((one) => ({ load: 0, usable: one }));
    const isUsable = ({ usable }: { usable: boolean }) => usable;
    for (const usable of [
      [true, false],
      [false, true],
      [true, true, false, false],
      [false, false, false, false, false, false, false, true],
    ]) {
      it(`none of ${usable.filter((one) => !one).length} among ${usable.length}, and each of the others`, () => {
        const instances = withUsable(usable);
        const random = seededRandom(7);
        const picked = new Set<object>();
        for (let times = 0; times < 2_000; times++) picked.add(pickInstance(instances, loadOf, random, isUsable));
        expect([...picked].sort()).toEqual(instances.filter(isUsable));
        expect(picked.size).toBe(usable.filter((one) => one).length);
      });
    }

    it('is even over the usable half', () => {
      const instances = withUsable([true, false, true, false, true, false]);
      const random = seededRandom(3);
      const counts = instances.map(() => 0);
      for (let times = 0; times < 20_000; times++) {
        const index = instances.indexOf(pickInstance(instances, loadOf, random, isUsable));
        counts[index] = (counts[index] as number) + 1;
      }
      // One draw in sixteen ends at the next usable one in order, which is the same for each here.
      for (const index of [0, 2, 4]) expect(Math.abs((counts[index] as number) - 20_000 / 3)).toBeLessThan(binomialBound(20_000, 1 / 3));
    });

    it('the less busy of two usable ones, and one of all when none is usable', () => {
      const instances = [
        { load: 9, usable: true },
        { load: 0, usable: false },
        { load: 1, usable: true },
      ];
      const random = seededRandom(5);
      const counts = instances.map(() => 0);
      for (let times = 0; times < 1_000; times++) {
        const index = instances.indexOf(pickInstance(instances, loadOf, random, isUsable));
        counts[index] = (counts[index] as number) + 1;
      }
      // The busy one only when the other was not drawn in four draws of one of two.
      expect(counts[1]).toBe(0);
      expect(counts[0] as number).toBeLessThan(100);
      const none = withUsable([false, false, false]);
      expect(none).toContain(pickInstance(none, loadOf, random, isUsable));
    });
  });

  it('does not accept an empty list', () => {
    expect(() => pickInstance([], loadOf, Math.random)).toThrow(RangeError);
  });
});

function countPicks(instances: { load: number }[], trials: number): number[] {
  const random = seededRandom(1);
  const counts = instances.map(() => 0);
  for (let times = 0; times < trials; times++) {
    const index = instances.indexOf(pickInstance(instances, loadOf, random));
    counts[index] = (counts[index] as number) + 1;
  }
  return counts;
}
