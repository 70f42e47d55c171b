import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { INSTANCE_VARIABLE } from './program-environment.js';

const GONE_POLL_MS = 20;

/** A process that cannot be mistaken: numbers are used again, but never with the same start time. */
export interface ProcessIdentity {
  pid: number;
  startedAt: string;
}

/** null when there is no such process (any more). A zombie counts as none. */
export function identify(pid: number): ProcessIdentity | null {
  const startedAt = startTime(pid);
  return startedAt === null ? null : { pid, startedAt };
}

export function isAlive({ pid, startedAt }: ProcessIdentity): boolean {
  return startTime(pid) === startedAt;
}

/** Sends to every process of the group that `pid` leads; false when there is none. */
export function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return true;
    throw error;
  }
}

/** False when some process of the group is still at work after that time. */
export async function groupEnds(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (groupIsAlive(pid)) {
    if (Date.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, GONE_POLL_MS));
  }
  return true;
}

/** Zombies that nobody has collected do not count. */
function groupIsAlive(pid: number): boolean {
  if (!signalGroup(pid, 0)) return false;
  const processes = listProc();
  if (processes.length === 0) return true;
  return processes.some((entry) => {
    const fields = /^\d+$/.test(entry) ? statFields(Number(entry)) : null;
    return fields !== null && Number(fields[2]) === pid && fields[0] !== 'Z' && fields[0] !== 'X';
  });
}

/**
 * The process that was started for an instance, found by its environment: for a control plane that was killed between starting it and
 * noting its number. Only where /proc is; elsewhere null.
 */
export function findByInstance(instanceId: string): ProcessIdentity | null {
  const marker = `${INSTANCE_VARIABLE}=${instanceId}`;
  for (const entry of listProc()) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
      if (!environment.includes(marker)) continue;
      if (Number(statFields(pid)?.[2]) === pid) return identify(pid); // the leader of its group: what we started, not its children
    } catch {
      // gone meanwhile, or somebody else's
    }
  }
  return null;
}

function listProc(): string[] {
  try {
    return readdirSync('/proc');
  } catch {
    return [];
  }
}

function startTime(pid: number): string | null {
  const fields = statFields(pid);
  if (fields) return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
  if (process.platform === 'linux') return null;
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: 2_000 }).trim() || null;
  } catch {
    return null;
  }
}

/** proc(5): the fields of /proc/pid/stat from `state` on; the name before them may contain anything. */
function statFields(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}
