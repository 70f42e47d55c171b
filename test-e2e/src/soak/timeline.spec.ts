import { Timeline } from './timeline.js';

describe('what answers could have been right, and when', () => {
  it('a version may serve from the call that starts it to the answer that it has stopped, and has to in between', () => {
    const timeline = new Timeline();
    timeline.starting(1, 10)(20);
    timeline.stopping(1, 30)(40);
    const cases: [from: number, to: number, may: boolean, must: boolean][] = [
      [0, 9, false, false],
      [0, 10, true, false],
      [19, 25, true, false],
      [20, 29, true, true],
      [25, 30, true, false],
      [40, 50, true, false],
      [41, 50, false, false],
    ];
    for (const [from, to, may, must] of cases)
      expect([from, to, timeline.mayRun(1, from, to), timeline.mustRun(1, from, to)]).toEqual([from, to, may, must]);
    timeline.starting(1, 60);
    expect([timeline.mayRun(1, 70, 80), timeline.mustRun(1, 70, 80)]).toEqual([true, false]);
    expect(timeline.mayRun(2, 0, 100)).toBe(false);
  });

  it('weights count from their call on, until all proxies have later ones', () => {
    const timeline = new Timeline();
    timeline.shifting([1], 0)(10, 1);
    const second = timeline.shifting([2], 20);
    expect([timeline.mayHaveWeight(1, 25, 30), timeline.mayHaveWeight(2, 25, 30), timeline.mayHaveWeight(2, 5, 19)]).toEqual([
      true,
      true,
      false,
    ]);
    second(40, 2);
    expect([timeline.mayHaveWeight(1, 39, 50), timeline.mayHaveWeight(1, 40, 50), timeline.mayHaveWeight(2, 40, 50)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('of calls side by side, the later revision is what stays; refused ones count for nothing', () => {
    const timeline = new Timeline();
    const [first, second, refused] = [timeline.shifting([1], 0), timeline.shifting([2], 1), timeline.shifting([3], 2)];
    second(10, 7);
    first(11, 8);
    refused(12, null);
    expect([1, 2, 3].map((version) => timeline.mayHaveWeight(version, 20, 30))).toEqual([true, false, false]);
    timeline.forget(20);
    expect([1, 2, 3].map((version) => timeline.mayHaveWeight(version, 20, 30))).toEqual([true, false, false]);
  });
});
