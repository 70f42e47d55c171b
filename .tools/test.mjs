// npm test [-- jest arguments]: every suite, or those whose sources the arguments name, then one closing line that sums them up.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';

await prepare();
const folder = mkdtempSync(join(tmpdir(), 'fabric-test-'));
const env = { ...process.env };
if (!(await postgresAnswers())) {
  process.stderr.write(
    'app-fabric: no PostgreSQL at 127.0.0.1:5432: tests use an embedded one; what needs several sessions of a real one is skipped\n',
  );
  env.FABRIC_TEST_EMBEDDED = join(folder, 'embedded');
  spawnSync(process.execPath, [join(root, '.tools/embedded-database.mjs'), env.FABRIC_TEST_EMBEDDED, '--make'], {
    stdio: ['ignore', 2, 2],
  });
}
if (spawnSync('redis-server', ['--version']).status !== 0)
  process.stderr.write('app-fabric: no redis-server on the PATH: tests that start and kill one are skipped\n');
if (spawnSync('promtool', ['--version']).status !== 0)
  process.stderr.write(
    'app-fabric: no promtool on the PATH (Debian: apt-get install prometheus): tests with a real Prometheus are skipped\n',
  );
const report = join(folder, 'jest.json');
const done = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/jest/bin/jest.js'),
    '--config',
    join(root, '.tools/jest.config.mjs'),
    '--json',
    `--outputFile=${report}`,
    ...process.argv.slice(2).map(compiled),
  ],
  { cwd: root, stdio: ['ignore', 2, 2], env },
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

/** `apps/api/src/apps/apps.spec.ts` → `apps/api/dist/apps/apps.spec.js`: what runs is compiled. */
function compiled(argument) {
  return argument.replace(/(^|\/)src(\/|$)/, '$1dist$2').replace(/\.ts$/, '.js');
}

/** A DATABASE_URL that does not answer is an error of whoever set it, and shows as one. */
async function postgresAnswers() {
  if (process.env.DATABASE_URL) return true;
  const { Client } = createRequire(join(root, 'apps/api/package.json'))('pg');
  const client = new Client({ connectionString: 'postgres://postgres@127.0.0.1:5432/postgres', connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined);
  return client.connect().then(
    () => client.end().then(() => true),
    () => false,
  );
}
