import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DataFolderError } from './data-folder-error.js';
import { DataFolderInUseError, lockDataFolder } from './data-folder-lock.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fabric-lock-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** A process that holds the lock; it runs what was compiled. */
async function holder() {
  const module = new URL('../dist/data-folder-lock.js', import.meta.url).href;
  const script = `const { lockDataFolder } = await import(${JSON.stringify(module)});
    await lockDataFolder(${JSON.stringify(folder)});
    console.log('locked');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(createInterface(child.stdout), 'line');
  return child;
}

describe('data folder lock', () => {
  it('names the process that has the folder', async () => {
    const child = await holder();
    try {
      const refusal = await lockDataFolder(folder).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(DataFolderInUseError);
      expect((refusal as DataFolderInUseError).pid).toBe(child.pid);
      expect((refusal as Error).message).toContain(folder);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });

  it('is free again after SIGKILL', async () => {
    const child = await holder();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const release = await lockDataFolder(folder);
    await release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('does not take a later process with the same number for the holder', async () => {
    await writeFile(join(folder, 'lock'), JSON.stringify({ pid: process.pid, born: 'another boot/1' }));
    const release = await lockDataFolder(folder);
    await release();
  });

  it('does not stop at a lock that holds nothing readable', async () => {
    await writeFile(join(folder, 'lock'), '{"pid":');
    const release = await lockDataFolder(folder);
    await release();
  });

  it('leaves a lock alone that is no longer its own', async () => {
    const release = await lockDataFolder(folder);
    await writeFile(join(folder, 'lock'), 'of another');
    await release();
    expect(await readFile(join(folder, 'lock'), 'utf8')).toBe('of another');
  });

  it('says why a folder cannot be used, and which setting names another', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const refusal = await lockDataFolder(join(file, 'data')).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(DataFolderError);
    expect((refusal as Error).message).toMatch(/ENOTDIR.*FABRIC_DATA_DIR/);
  });

  it('gives the errors of the embedded database’s file system their names', () => {
    expect(new DataFolderError('/data', { name: 'ErrnoError', errno: 51 }).message).toContain(
      '/data cannot be used: no space left on device',
    );
    expect(new DataFolderError('/data', { name: 'ErrnoError', errno: 8 }).message).toContain('ErrnoError 8');
  });
});
