import { readdir, readFile } from 'node:fs/promises';

/** What Linux counts the time of processes in: USER_HZ, fixed in its ABI. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;

export interface ProcessStat {
  pid: number;
  parent: number;
  /** User and system time of all its threads, seconds. */
  cpuSeconds: number;
  residentBytes: number;
}

/** One line of /proc/PID/stat, see proc(5). The name, in parentheses, may hold spaces and parentheses itself. */
export function parseStat(line: string): ProcessStat {
  const close = line.lastIndexOf(')');
  const pid = Number.parseInt(line, 10);
  // Field 3 of the manual, the state, is the first after the name.
  const fields = line.slice(close + 2).split(' ');
  const at = (field: number) => Number(fields[field - 3]);
  const stat = { pid, parent: at(4), cpuSeconds: (at(14) + at(15)) / TICKS_PER_SECOND, residentBytes: at(24) * PAGE_BYTES };
  if (close < 0 || !Object.values(stat).every(Number.isFinite)) throw new Error(`not a line of /proc/PID/stat: ${line.slice(0, 200)}`);
  return stat;
}

/** The process `root` and everything that descends from it. */
export function familyOf(root: number, all: readonly ProcessStat[]): ProcessStat[] {
  const family = new Set([root]);
  for (let before = 0; before < family.size; ) {
    before = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return all.filter(({ pid }) => family.has(pid));
}

/** Of a program with all its worker processes. */
export async function usageOf(root: number): Promise<{ cpuSeconds: number; residentBytes: number }> {
  const entries = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const lines = await Promise.all(entries.map((entry) => readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')));
  const family = familyOf(root, lines.filter((line) => line !== '').map(parseStat));
  if (family.length === 0) throw new Error(`process ${root} is gone`);
  const sum = (of: (stat: ProcessStat) => number) => family.reduce((total, stat) => total + of(stat), 0);
  return { cpuSeconds: sum((stat) => stat.cpuSeconds), residentBytes: sum((stat) => stat.residentBytes) };
}
