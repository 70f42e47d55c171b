import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identify, isAlive, type ProcessIdentity } from './process-group.js';
import { RuntimeError } from './runtime-error.js';

/** One control plane a data folder. A lock whose holder is dead is taken over. Returns the release. */
export async function takeRuntimeLock(dataDir: string): Promise<() => Promise<void>> {
  await mkdir(dataDir, { recursive: true });
  const file = join(dataDir, 'runtime.lock');
  const own = JSON.stringify(identify(process.pid));
  for (let tries = 0; tries < 3; tries++) {
    try {
      await writeFile(file, own, { flag: 'wx', mode: 0o600 });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text === own) return () => rm(file, { force: true });
    const holder = parse(text);
    if (holder && isAlive(holder))
      throw new RuntimeError(
        'runtime_in_use',
        `process ${holder.pid} runs programs from ${dataDir}; give this one another FABRIC_DATA_DIR`,
      );
    await rm(file, { force: true });
  }
  throw new RuntimeError('runtime_in_use', `${file} is being fought over`);
}

function parse(text: string): ProcessIdentity | null {
  try {
    const { pid, startedAt } = JSON.parse(text) as ProcessIdentity;
    return Number.isInteger(pid) && typeof startedAt === 'string' ? { pid, startedAt } : null;
  } catch {
    return null;
  }
}
