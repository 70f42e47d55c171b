import { familyOf, type ProcessStat, parseStat } from './cpu-time.js';

// The fields of proc(5), from the state on: 4 parent, 14 user time, 15 system time, 24 resident pages.
const line = (name: string) =>
  `42 (${name}) S 7 42 42 0 -1 4194560 1 0 0 0 250 50 9999 9999 20 0 11 0 100 1000000 256 18446744073709551615 1 1`;

describe('/proc/PID/stat', () => {
  it.each(['node', 'a b', 'evil) S 1 (x', ''])('own time of a process called %p, without that of children it has waited for', (name) => {
    expect(parseStat(line(name))).toEqual({ pid: 42, parent: 7, cpuSeconds: 3, residentBytes: 1_048_576 });
  });

  it.each(['', '42', '42 (node) S 7'])('%p is refused: half a line must not count as no time', (text) => {
    expect(() => parseStat(text)).toThrow('not a line');
  });
});

describe('a family of processes', () => {
  const process = (pid: number, parent: number): ProcessStat => ({ pid, parent, cpuSeconds: 1, residentBytes: 1 });

  it('children and their children count, whatever their order; others do not', () => {
    const all = [process(30, 20), process(20, 10), process(10, 1), process(11, 1), process(21, 11), process(1, 0)];
    expect(familyOf(10, all).map(({ pid }) => pid)).toEqual([30, 20, 10]);
    expect(familyOf(99, all)).toEqual([]);
  });
});
