// node .tools/embedded-database.mjs <template>: for tests on a machine without PostgreSQL. Serves an embedded one over a copy of the folder
// <template> until its standard input ends, and prints the URL. With --make it makes that folder, once: that takes seconds, a copy does not.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './prepare.mjs';

const [template, make] = process.argv.slice(2);
const { startEmbeddedPostgres } = await import(pathToFileURL(join(root, 'apps/standalone/dist/embedded-postgres.js')).href);
if (make === '--make') {
  const database = await startEmbeddedPostgres(template);
  await database.close();
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), 'fabric-test-database-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
cpSync(template, folder, { recursive: true });
const database = await startEmbeddedPostgres(folder);
process.stdin.resume().on('end', () => process.exit(0));
process.stdout.write(`${database.url}\n`);
