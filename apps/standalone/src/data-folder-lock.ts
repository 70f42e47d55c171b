import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataFolderError } from './data-folder-error.js';

const MAX_TRIES = 20;

/** Another process that is alive has the folder. */
export class DataFolderInUseError extends Error {
  readonly code = 'data_folder_in_use';

  constructor(
    readonly folder: string,
    readonly pid: number,
  ) {
    super(`another App Fabric (process ${pid}) already runs on ${folder}; stop it, or set FABRIC_DATA_DIR to another folder`);
  }
}

/**
 * Makes this process the only one on `folder`, until the returned function is called or the process ends, however it ends.
 * Throws {@link DataFolderInUseError} when another one is there, {@link DataFolderError} when the folder cannot be written.
 */
export async function lockDataFolder(folder: string): Promise<() => Promise<void>> {
  const lock = join(folder, 'lock');
  const mine = JSON.stringify({ pid: process.pid, born: await bornOf(process.pid) });
  const draft = `${lock}.${process.pid}`;
  await makeWith(folder, draft, mine);
  try {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      // link() is the atomic step: the lock appears with its content or not at all.
      if (await succeeds(link(draft, lock), 'EEXIST')) return () => release(lock, mine);
      const found = await readFile(lock, 'utf8').catch(() => '');
      const holder = await livingHolder(found);
      if (holder !== undefined) throw new DataFolderInUseError(folder, holder);
      if (found) await removeStale(lock, found);
    }
    throw new Error(`could not lock ${folder}`);
  } finally {
    await rm(draft, { force: true });
  }
}

async function makeWith(folder: string, file: string, content: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      // That is what Node makes of a read-only file system; without `recursive` it tells the reason.
      if (error.code === 'ENOENT') return mkdir(folder);
      throw error;
    });
    await writeFile(file, content, { mode: 0o600 });
  } catch (error) {
    await rm(file, { force: true }).catch(() => undefined);
    throw new DataFolderError(folder, error);
  }
}

async function release(lock: string, mine: string): Promise<void> {
  if ((await readFile(lock, 'utf8').catch(() => '')) === mine) await rm(lock, { force: true });
}

/** Moves it aside first: if what was moved is no longer the dead one's, another process was faster, and gets its lock back. */
async function removeStale(lock: string, stale: string): Promise<void> {
  const aside = `${lock}.${process.pid}.stale`;
  if (!(await succeeds(rename(lock, aside), 'ENOENT'))) return;
  if ((await readFile(aside, 'utf8')) !== stale) await succeeds(link(aside, lock), 'EEXIST');
  await rm(aside, { force: true });
}

async function livingHolder(content: string): Promise<number | undefined> {
  let holder: { pid: number; born: string };
  try {
    holder = JSON.parse(content);
  } catch {
    return undefined;
  }
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  // After a crash the number may belong to somebody else by now.
  return (await bornOf(holder.pid)) === holder.born ? holder.pid : undefined;
}

/** When the process started, in clock ticks since boot, with the boot it belongs to; '' where /proc is not there to ask. */
async function bornOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    // Field 22 of proc_pid_stat(5), counted behind the name, which may itself hold spaces and brackets.
    return `${boot.trim()}/${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return '';
  }
}

async function succeeds(operation: Promise<unknown>, allowedFailure: string): Promise<boolean> {
  try {
    await operation;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === allowedFailure) return false;
    throw error;
  }
}
