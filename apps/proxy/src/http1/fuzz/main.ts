import { parseArgs } from 'node:util';
import { fuzz } from './run.js';

/** `node apps/proxy/dist/http1/fuzz/main.js --kind requests|responses --count 1000000 --seed 1`: exit 1 when there are two readings of a stream. */
const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: 'requests' },
    count: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
  },
});
if (values.kind !== 'requests' && values.kind !== 'responses') throw new Error('--kind is requests or responses');
const startedAt = performance.now();
const result = await fuzz({
  kind: values.kind,
  count: Number(values.count),
  seed: Number(values.seed),
  maxDifferences: 5,
  onProgress: (done) => {
    if (done % 100_000 === 0) process.stderr.write(`${done} streams\n`);
  },
});
const seconds = Math.round((performance.now() - startedAt) / 1000);
const { differences, ...figures } = result;
process.stdout.write(`${JSON.stringify({ kind: values.kind, seed: Number(values.seed), seconds, ...figures }, null, 2)}\n`);
for (const difference of differences) process.stdout.write(`${JSON.stringify(difference)}\n`);
process.exitCode = result.differences.length > 0 ? 1 : 0;
