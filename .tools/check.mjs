// npm run check [-- --no-tests]: format, lint, types, import boundaries, unused code, then the tests. Stops at the first that fails.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';

await prepare(); // types: the build is the type check
const bin = (name) => join(root, 'node_modules/.bin', name);
const steps = [
  ['format and lint', bin('biome'), ['check', '--error-on-warnings', '.']],
  ['import boundaries', bin('depcruise'), ['--config', '.dependency-cruiser.cjs', 'apps', 'libs', 'test-e2e']],
  ['unused code', bin('knip'), ['--no-progress']],
];
if (!process.argv.includes('--no-tests')) steps.push(['tests', process.execPath, [join(root, '.tools/test.mjs')]]);
for (const [label, command, args] of steps) {
  process.stderr.write(`\n== ${label}\n`);
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (done.status !== 0) {
    process.stderr.write(`check: ${label} failed\n`);
    process.exit(done.status ?? 1);
  }
}
