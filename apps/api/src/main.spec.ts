import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The compiled program, as `npm run api` starts it; `npm test` has compiled it. */
const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** Node options that send the program a SIGTERM at the moment when it asks for that module of its own. */
function sigtermWhenLoading(module: string): string[] {
  const hook = `export const resolve = (name, context, next) => {
    if (name.endsWith('/${module}')) process.kill(process.pid, 'SIGTERM');
    return next(name, context);
  };`;
  const register = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});`;
  return ['--import', `data:text/javascript,${encodeURIComponent(register)}`];
}

describe('npm run api', () => {
  it('CONTRACT §1: a SIGTERM that comes while the program is still being loaded ends it with 0', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'fabric-main-'));
    const nobody = { DATABASE_URL: 'postgres://127.0.0.1:1/none', REDIS_URL: 'redis://127.0.0.1:1' };
    const env = { PATH: process.env.PATH, ...nobody, FABRIC_API_PORT: '0', FABRIC_DATA_DIR: dataDir };
    const child = spawn(process.execPath, [...sigtermWhenLoading('create-api.js'), program], { env, stdio: 'ignore' });
    try {
      expect(await once(child, 'exit')).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
