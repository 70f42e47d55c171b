import { partsOf, resolutionFor, stepProblem, windowAt } from './metrics-window.js';

const NOW = Date.UTC(2026, 0, 2, 12, 34, 56, 789);
const HOUR = 3_600_000;

describe('the window of metrics', () => {
  it.each([
    [300_000, false, 10],
    [HOUR, false, 10],
    [HOUR + 1_000, false, 60],
    [24 * HOUR, true, 60],
    [25 * HOUR, true, null],
    [25 * HOUR, false, 3_600],
    [91 * 24 * HOUR, false, null],
  ])('%s ms, by instance %s: buckets of %s s', (windowMs, byInstance, resolution) => {
    expect(resolutionFor(windowMs, byInstance)).toBe(resolution);
  });

  it('a step is a multiple of what is kept, and makes no more than a thousand points', () => {
    expect(stepProblem(10_000, HOUR, 10)).toBeNull();
    expect(stepProblem(15_000, HOUR, 10)).toMatch(/multiple of 10s/);
    expect(stepProblem(60_000, 24 * HOUR, 60)).toMatch(/1000 points/);
  });

  it('begins with a whole bucket or step, and is never shorter than asked for', () => {
    expect(windowAt(NOW, 300_000, null, 10).fromMs).toBe(Date.UTC(2026, 0, 2, 12, 29, 50));
    expect(windowAt(NOW, 300_000, 60_000, 10).fromMs).toBe(Date.UTC(2026, 0, 2, 12, 29));
  });

  it.each([10, 60, 3_600] as const)(
    'parts of %s s: every moment is in one of them, and coarse ones end where they were made up to',
    (resolution) => {
      const window = windowAt(NOW, 30 * HOUR, null, resolution);
      for (const [minutes, hours] of [
        [2, 2],
        [3, 90],
        [100_000, 100_000],
        [0, 0],
      ] as const) {
        const rolledUp = { 60: NOW - minutes * 60_000, 3600: NOW - hours * 60_000 };
        const parts = partsOf(window, rolledUp);
        expect([parts[0]!.fromMs, parts.at(-1)!.toMs]).toEqual([window.fromMs, window.toMs + 1]);
        for (const [index, part] of parts.entries()) {
          if (index > 0) expect(part.fromMs).toBe(parts[index - 1]!.toMs);
          if (part.resolution !== 10) expect(part.toMs).toBeLessThanOrEqual(rolledUp[part.resolution]);
          expect(part.resolution).toBeLessThanOrEqual(resolution);
        }
      }
    },
  );
});
