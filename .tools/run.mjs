// node .tools/run.mjs <program> [args]: prepares the checkout, then becomes that program (same process: signals and exit code are its own).
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './prepare.mjs';

const [program, ...args] = process.argv.slice(2);
if (!program) {
  process.stderr.write('usage: node .tools/run.mjs <program> [args]\n');
  process.exit(2);
}
try {
  await prepare();
} catch (error) {
  process.stderr.write(`app-fabric: ${error.message}\n`);
  process.exit(1);
}
const file = join(root, program);
process.argv = [process.argv[0], file, ...args];
await import(pathToFileURL(file).href);
