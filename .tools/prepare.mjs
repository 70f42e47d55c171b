// Brings a checkout to the point where its programs can run: installs the packages when the lock file
// changed, compiles when a source changed. Cheap when there is nothing to do; safe when several programs start at once.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stamp = join(modules, '.fabric-install');
const lock = join(root, '.fabric-prepare.lock');
const LOCK_WAIT_MS = 600_000;

const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Installs and compiles what is missing. Everything it prints goes to standard error. Throws when a step fails. */
export async function prepare() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) throw new Error(`Node.js 20.19 or newer is needed; this is ${process.versions.node}.`);
  await takeLock();
  try {
    install();
    compile();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function install() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  run('npx', ['-y', packageManager, 'install', '--frozen-lockfile', '--prefer-offline'], 'installing packages');
  writeFileSync(stamp, wanted);
}

function compile() {
  run(process.execPath, [join(modules, 'typescript/bin/tsc'), '-b', 'apps/standalone', 'test-e2e'], '');
  for (const group of ['apps', 'libs']) for (const name of readdirSync(join(root, group))) removeOrphans(join(root, group, name));
  removeOrphans(join(root, 'test-e2e'));
}

/** What was compiled from a source that is gone would still be loaded, or run as a test. */
function removeOrphans(folder) {
  const dist = join(folder, 'dist');
  for (const file of existsSync(dist) ? readdirSync(dist, { recursive: true }) : [])
    if (file.endsWith('.js') && !existsSync(join(folder, 'src', file.replace(/js$/, 'ts'))))
      for (const ending of ['js', 'js.map', 'd.ts', 'd.ts.map']) rmSync(join(dist, file.replace(/js$/, ending)), { force: true });
}

function run(command, args, label) {
  if (label) process.stderr.write(`app-fabric: ${label} …\n`);
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (done.error) throw done.error;
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${done.status ?? done.signal}`);
}

/** A folder is the lock: making it is atomic everywhere. One left behind by a dead process is taken over. */
async function takeLock() {
  const deadline = Date.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, 'pid'), String(process.pid));
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (holderIsGone()) rmSync(lock, { recursive: true, force: true });
    else if (Date.now() > deadline) throw new Error(`another process has held ${lock} for ten minutes`);
    else await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function holderIsGone() {
  try {
    const pid = Number(readFileSync(join(lock, 'pid'), 'utf8'));
    if (!pid) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    if (error.code === 'ESRCH') return true;
    // The pid file is not written yet, or its process belongs to somebody else.
    const made = statSync(lock, { throwIfNoEntry: false });
    return error.code === 'ENOENT' && made !== undefined && Date.now() - made.mtimeMs > 10_000;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await prepare();
