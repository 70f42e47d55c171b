import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adminToken } from './admin-token.js';
import { ConfigError } from './api-config.js';

let dataDir: string;
beforeEach(async () => {
  dataDir = join(await mkdtemp(join(tmpdir(), 'fabric-token-')), 'data');
});
afterEach(() => rm(join(dataDir, '..'), { recursive: true, force: true }));

const load = () => adminToken({ adminToken: null, dataDir });
const file = () => join(dataDir, 'admin-token');

describe('the admin token (CONTRACT §2: made on first start, kept with mode 0600)', () => {
  it('is made once, for the owner only, and found again', async () => {
    const token = await load();
    expect(token).toMatch(/^[\w-]{43}$/);
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect((await readFile(file(), 'utf8')).trim()).toBe(token);
    expect(await load()).toBe(token);
  });

  it('is one for all that start at once, and no draft is left', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, load));
    expect(new Set(tokens).size).toBe(1);
    expect(await readdir(dataDir)).toEqual(['admin-token']);
  });

  it('that is set wins, and nothing is written', async () => {
    expect(await adminToken({ adminToken: 'set-by-the-operator', dataDir })).toBe('set-by-the-operator');
    await expect(readdir(dataDir)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('in a file that holds none is an error that names the file', async () => {
    await load();
    await chmod(file(), 0o600);
    await writeFile(file(), '');
    await expect(load()).rejects.toThrow(ConfigError);
    await expect(load()).rejects.toThrow(file());
  });
});
