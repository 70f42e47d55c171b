import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseExit } from './flow-keeper.js';
import type { ProcessIdentity } from './process-group.js';
import type { InstanceSpec, ProgramExit } from './program-runtime.js';

/** What must be known of an instance after this process was killed. */
export interface InstanceRecord {
  spec: Omit<InstanceSpec, 'openBundle'>;
  /** null: not started, or started just when this process was killed. */
  process: ProcessIdentity | null;
  port: number | null;
  wasReady: boolean;
  restarts: number;
  crashes: number;
  /** How it ended, once it has: failed or completed. */
  outcome: { status: 'failed' | 'completed'; exit: ProgramExit | null; reason: string | null } | null;
}

/** One file an instance. */
export class InstanceFiles {
  private readonly folder: string;

  constructor(dataDir: string) {
    this.folder = join(dataDir, 'runtime');
  }

  async open(): Promise<InstanceRecord[]> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const records: InstanceRecord[] = [];
    for (const name of await readdir(this.folder)) {
      if (!name.endsWith('.json')) continue;
      try {
        records.push(JSON.parse(await readFile(join(this.folder, name), 'utf8')) as InstanceRecord);
      } catch {
        await rm(join(this.folder, name), { force: true }); // half a file cannot be: it was never ours
      }
    }
    return records;
  }

  async write(record: InstanceRecord): Promise<void> {
    const file = this.path(record.spec.instanceId);
    const handle = await open(`${file}.new`, 'w', 0o600);
    try {
      await handle.writeFile(JSON.stringify(record));
    } finally {
      await handle.close();
    }
    await rename(`${file}.new`, file);
  }

  /** Where it is written down how a flow has ended. */
  exitFile(instanceId: string): string {
    return join(this.folder, `${instanceId}.exit`);
  }

  /** null: it has not ended, or nobody saw how. */
  async readExit(instanceId: string): Promise<ProgramExit | null> {
    return readFile(this.exitFile(instanceId), 'utf8').then(parseExit, () => null);
  }

  async remove(instanceId: string): Promise<void> {
    await rm(this.path(instanceId), { force: true });
    await rm(this.exitFile(instanceId), { force: true });
  }

  private path(instanceId: string): string {
    return join(this.folder, `${instanceId}.json`);
  }
}
