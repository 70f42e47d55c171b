import { constants } from 'node:fs';
import { mkdir, open, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { BUNDLE_LIMITS, type BundleLimits } from './bundle-error.js';
import { type BundleSummary, walkBundle } from './walk-bundle.js';

/** Only reads: rejects with BundleError when the bundle could not be unpacked. */
export function inspectBundle(source: Readable, limits: BundleLimits = BUNDLE_LIMITS): Promise<BundleSummary> {
  return walkBundle(source, limits, async () => undefined);
}

/**
 * Unpacks a gzip'd tar into `folder`, which must not exist yet. All or nothing: when it fails, the folder is gone again.
 * Owners, times and special mode bits of the archive are ignored.
 */
export async function unpackBundle(source: Readable, folder: string, limits: BundleLimits = BUNDLE_LIMITS): Promise<void> {
  await mkdir(folder, { mode: 0o755 });
  try {
    await walkBundle(source, limits, async (entry, content) => {
      const path = join(folder, ...entry.parts);
      if (entry.type === 'folder') {
        await mkdir(path, { recursive: true });
        return;
      }
      await mkdir(join(folder, ...entry.parts.slice(0, -1)), { recursive: true });
      if (entry.type === 'symlink') await symlink(entry.target, path);
      else await writeNew(path, content, entry.executable ? 0o755 : 0o644);
    });
  } catch (error) {
    source.destroy();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Never through a link, never over something that is there. */
async function writeNew(path: string, content: Readable, mode: number): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, mode);
  try {
    for await (const chunk of content) await file.write(chunk as Buffer);
  } finally {
    await file.close();
  }
}
