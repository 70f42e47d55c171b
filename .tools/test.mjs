// npm test [-- jest arguments]: every suite, then one closing line that sums them up.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';

await prepare();
const folder = mkdtempSync(join(tmpdir(), 'fabric-test-'));
const report = join(folder, 'jest.json');
const done = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--no-warnings',
    join(root, 'node_modules/jest/bin/jest.js'),
    '--config',
    join(root, '.tools/jest.config.mjs'),
    '--json',
    `--outputFile=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: ['ignore', 2, 2] },
);
let exitCode = done.status ?? 1;
try {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  for (const suite of testResults)
    for (const test of suite.assertionResults) if (test.status === 'pending') process.stdout.write(`skipped: ${test.fullName}\n`);
  process.stdout.write(
    `${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed, ${numPendingTests + numTodoTests} skipped\n`,
  );
  // A test that needs a server is never quietly left out where it counts.
  if (process.env.CI === 'true' && numPendingTests > 0) exitCode ||= 1;
} catch (error) {
  process.stderr.write(`no test report: ${error.message}\n`);
  exitCode ||= 1;
}
rmSync(folder, { recursive: true, force: true });
process.exitCode = exitCode;
