import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ApiConfig, ConfigError, token } from './api-config.js';

const FILE = 'admin-token';

/** The set token, else the one in the data folder, else a new one that is kept there. Two programs that start at once agree on one. */
export async function adminToken({ adminToken: set, dataDir }: Pick<ApiConfig, 'adminToken' | 'dataDir'>): Promise<string> {
  if (set !== null) return set;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, FILE);
  return (await readToken(file)) ?? (await makeToken(file));
}

async function readToken(file: string): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  const found = token(text.trim());
  if (found === undefined) throw new ConfigError([`${file} does not hold a token; delete it to get a new one`]);
  return found;
}

/** Written whole beside its place, then linked there: whoever is second gets EEXIST and never sees half a token. */
async function makeToken(file: string): Promise<string> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const made = randomBytes(32).toString('base64url');
  try {
    const handle = await open(draft, 'wx', 0o600);
    await handle.writeFile(`${made}\n`);
    await handle.sync();
    await handle.close();
    await link(draft, file);
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return (await readToken(file)) ?? made;
  } finally {
    await rm(draft, { force: true });
  }
}
