import fc from 'fast-check';
import { Schedule } from './schedule.js';

function all(connection: number, load: { connections: number; perSecond: number; seconds: number }): number[] {
  const schedule = new Schedule(connection, load);
  const due: number[] = [];
  for (; schedule.dueMs !== Number.POSITIVE_INFINITY; schedule.advance()) due.push(schedule.dueMs);
  return due;
}

describe('a schedule', () => {
  it('each connection has its turn in an even stream', () => {
    const load = { connections: 2, perSecond: 4, seconds: 1 };
    expect([all(0, load), all(1, load)]).toEqual([
      [0, 500],
      [250, 750],
    ]);
  });

  it('all connections together ask at the rate, evenly, and not after the end', () => {
    const load = fc.record({
      connections: fc.integer({ min: 1, max: 40 }),
      perSecond: fc.integer({ min: 1, max: 500 }),
      seconds: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(load, (one) => {
        const due = Array.from({ length: one.connections }, (_, connection) => all(connection, one))
          .flat()
          .sort((a, b) => a - b);
        expect(due).toHaveLength(one.perSecond * one.seconds);
        due.forEach((ms, index) => {
          expect(ms).toBeCloseTo((index * 1_000) / one.perSecond, 6);
        });
      }),
    );
  });
});
