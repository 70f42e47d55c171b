import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackBundle } from './artifacts/bundle/unpack-bundle.js';
import type { ApiConfig } from './config/api-config.js';
import type { LocalRuntime } from './programs/run-host.js';
import { RunLogs } from './runtimes/logs/run-logs.js';
import { ProcessRuntime } from './runtimes/process-runtime.js';

/** The process runtime of this host, not open yet. */
export async function localRuntime({ dataDir }: ApiConfig, stopOnShutdown: boolean): Promise<LocalRuntime> {
  const logs = new RunLogs(dataDir);
  return { hostId: await hostId(dataDir), runtime: new ProcessRuntime({ dataDir, logs, unpackBundle }), logs, stopOnShutdown };
}

/** Belongs to the data folder: whoever has the folder has the programs. */
async function hostId(dataDir: string): Promise<string> {
  const file = join(dataDir, 'host-id');
  await mkdir(dataDir, { recursive: true });
  await writeFile(file, `host-${randomBytes(8).toString('hex')}`, { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return (await readFile(file, 'utf8')).trim();
}
