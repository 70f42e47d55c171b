import { readFile, writeFile } from 'node:fs/promises';

/** Bytes by which the resident memory of one process rose at most, at any moment, while `work` ran. Linux only: see proc(5), clear_refs. */
export async function peakGrowth(pid: number, work: () => Promise<void>): Promise<number> {
  await writeFile(`/proc/${pid}/clear_refs`, '5'); // the peak begins anew at what is resident now
  const before = await residentBytes(pid, 'VmRSS');
  await work();
  return (await residentBytes(pid, 'VmHWM')) - before;
}

async function residentBytes(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} tells no ${field}`);
  return Number(kibibytes) * 1024;
}
