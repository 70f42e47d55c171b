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
