import { formatTable } from '@app-fabric/scenario';
import { benchResponses, benchUploads } from './forwarding/bodies.js';
import { benchLatency } from './forwarding/latency.js';
import { benchObserving } from './forwarding/observing.js';
import { benchSmallGet } from './forwarding/small-get.js';
import { requireWrk } from './forwarding/wrk.js';
import { operatingCurve, operatingCurveOfAll } from './judgement.js';
import { benchLargeBodies } from './large/large-bodies.js';
import { measurePropagation } from './propagation.js';
import { measurePicks } from './pure-core.js';
import { benchChurn } from './table/churn.js';
import { benchTable } from './table/table.js';
import { canPin, Workbench } from './workbench.js';

// npm run bench [-- NAME...]: prints tables and whether their bars are met. Exits 1 only for what went wrong, 2 for a name that is
// none, 130 after Ctrl-C; never for a figure.

interface Benchmark {
  name: string;
  title: string;
  needsWrk: boolean;
  run(bench: Workbench): Promise<string>;
}

const BENCHMARKS: readonly Benchmark[] = [
  { name: 'picks', title: 'Routing decisions (version and instance) of one core', needsWrk: false, run: async () => picks() },
  {
    name: 'judgement',
    title: 'Judging a stage of 1,000,000 requests, threshold 0.01 %, 1000 runs',
    needsWrk: false,
    run: async () => `${operatingCurve()}\n\n${operatingCurveOfAll()}`,
  },
  {
    name: 'propagation',
    title: 'From PUT distribution with Prefer: wait to the answer that all proxies route by it',
    needsWrk: false,
    run: propagation,
  },
  { name: 'forwarding/get', title: 'CPU time per request', needsWrk: true, run: benchSmallGet },
  { name: 'forwarding/observing', title: 'What metrics and traces cost, in CPU time per request', needsWrk: true, run: benchObserving },
  { name: 'forwarding/responses', title: 'CPU time of response bodies', needsWrk: true, run: benchResponses },
  { name: 'forwarding/uploads', title: 'CPU time of request bodies', needsWrk: true, run: benchUploads },
  { name: 'forwarding/latency', title: 'Latency at 70 % of the maximum load', needsWrk: true, run: benchLatency },
  { name: 'table', title: 'A table of 100,000 services', needsWrk: true, run: benchTable },
  { name: 'large', title: 'Memory for large bodies and slow peers', needsWrk: false, run: benchLargeBodies },
  { name: 'churn', title: 'Latency while routes change', needsWrk: false, run: benchChurn },
];

async function main(wanted: readonly string[]): Promise<number> {
  const unknown = wanted.filter((name) => !BENCHMARKS.some((one) => isMeant(one, name)));
  if (unknown.length > 0) {
    process.stderr.write(`no benchmark is called ${unknown.join(', ')}; there are ${BENCHMARKS.map(({ name }) => name).join(', ')}\n`);
    return 2;
  }
  const chosen = BENCHMARKS.filter((one) => wanted.length === 0 || wanted.some((name) => isMeant(one, name)));
  if (chosen.some(({ needsWrk }) => needsWrk)) requireWrk();
  if (!canPin()) process.stdout.write('There are no two cores to tell apart, or no taskset: proxies and load share what there is.\n\n');
  for (const { title, run } of chosen) {
    process.stdout.write(`── ${title}\n\n`);
    process.stdout.write(`${await inWorkbench(run)}\n\n`);
  }
  return 0;
}

/** `forwarding` means everything below it. */
function isMeant({ name }: Benchmark, wanted: string): boolean {
  return name === wanted || name.startsWith(`${wanted}/`);
}

async function inWorkbench(run: (bench: Workbench) => Promise<string>): Promise<string> {
  const bench = await Workbench.open();
  const stop = (signal: NodeJS.Signals) => {
    process.stderr.write(`${signal}: ending what was started\n`);
    void bench.close().then(() => process.exit(130));
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await run(bench);
  } finally {
    await bench.close();
    process.removeListener('SIGINT', stop).removeListener('SIGTERM', stop);
  }
}

function picks(): string {
  const rates = [measurePicks(10), measurePicks(100_000, 10), measurePicks(100_000)].flat();
  return formatTable([
    ['services', 'asked for', 'decided by', 'picks/s'],
    ...rates.map(({ services, asked, by, picksPerSecond }) => [
      services.toLocaleString('en'),
      asked.toLocaleString('en'),
      by,
      Math.round(picksPerSecond).toLocaleString('en'),
    ]),
  ]);
}

async function propagation(): Promise<string> {
  const times = await measurePropagation(2);
  const milliseconds = [times.min, times.median, times.p99, times.max].map((value) => value.toFixed(1));
  return formatTable([
    ['proxies', 'changes', 'ms: min', 'median', 'p99', 'max'],
    [String(times.proxies), String(times.changes), ...milliseconds],
  ]);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
