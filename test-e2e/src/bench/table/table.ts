import { formatTable } from '@app-fabric/scenario';
import { type Bar, significant, verdict } from '../bars.js';
import { startBackend } from '../forwarding/backend.js';
import { usageOf } from '../forwarding/cpu-time.js';
import { PATHS } from '../forwarding/paths.js';
import { cpuRatio, measureRounds, ROUNDS } from '../forwarding/rounds.js';
import { startProxy } from '../start-proxy.js';
import { spread } from '../statistics.js';
import type { Workbench } from '../workbench.js';
import { ChangeStream } from './change-stream.js';
import { INSTANCES, manyApps, pathOf, VERSIONS } from './many-apps.js';

const FEW = 10;
const MANY = 100_000;
const MIB = 1024 * 1024;

const CHANGES = 2_000;
/** One by one, each with a report to the control plane of its own; and so many that they share reports. */
const CHANGES_PER_SECOND = [200, 1_000] as const;
const LOAD = { connections: 64, seconds: 2, bodyBytes: 0 };

const REQUEST: Bar = {
  source: 'issue',
  what: 'CPU per request with the large table',
  limit: 1.1,
  good: 'at most',
  unit: '× that with the small one',
};
const CHANGE: Bar = { source: 'issue', what: 'CPU time of one changed app', limit: 1, good: 'below', unit: 'ms' };
const LOADING: Bar = {
  source: 'issue',
  what: 'start of the program until it routes by the large table',
  limit: 5,
  good: 'below',
  unit: 's',
};
const MEMORY: Bar = { source: 'issue', what: 'resident memory', limit: 1024, good: 'below', unit: 'MiB' };

/** The proxy's program with a table of 100,000 services beside one with 10. */
export async function benchTable(bench: Workbench): Promise<string> {
  const { backend } = await startBackend(bench);
  const ports = Object.values(backend).flat();
  const few = await startProxy(bench, manyApps(FEW, ports));
  const many = await startProxy(bench, manyApps(MANY, ports));
  const loadedBytes = (await usageOf(many.pid)).residentBytes;

  const url = (base: string) => (path: string) => `${base}${pathOf(0, path)}`;
  const proxies = [
    { name: 'few', pid: few.pid, url: url(few.proxyUrl) },
    { name: 'many', pid: many.pid, url: url(many.proxyUrl) },
  ];
  const rounds = await measureRounds(bench, proxies, PATHS.small, LOAD);
  const ratio = cpuRatio(rounds, 'many', 'few')!;
  const perRequest = rounds.map(({ cpuMicrosecondsPerRequest }) => spread(cpuMicrosecondsPerRequest).median);

  const perChange: number[][] = [];
  for (const { pid, publisher } of [few, many]) {
    const stream = new ChangeStream(publisher, pid === few.pid ? FEW : MANY, ports);
    const costs: number[] = [];
    // As for requests: what runs for the first time is not compiled yet.
    await stream.run(CHANGES, Math.max(...CHANGES_PER_SECOND));
    for (const rate of CHANGES_PER_SECOND) {
      const before = await usageOf(pid);
      await stream.run(CHANGES, rate);
      costs.push((((await usageOf(pid)).cpuSeconds - before.cpuSeconds) * 1_000) / CHANGES);
    }
    perChange.push(costs);
  }
  const residentBytes = (await usageOf(many.pid)).residentBytes;

  const table = formatTable([
    ['services', 'start s', 'CPU µs/request', ...CHANGES_PER_SECOND.map((rate) => `CPU ms/change at ${rate}/s`), 'resident MiB'],
    [FEW.toLocaleString('en'), significant(few.startMs / 1_000), significant(perRequest[0]!), ...perChange[0]!.map(significant), ''],
    [
      MANY.toLocaleString('en'),
      significant(many.startMs / 1_000),
      significant(perRequest[1]!),
      ...perChange[1]!.map(significant),
      `${significant(loadedBytes / MIB)}; after the changes ${significant(residentBytes / MIB)}`,
    ],
  ]);
  const verdicts = [
    verdict(REQUEST, ratio.median),
    ...CHANGES_PER_SECOND.map((rate, at) => verdict({ ...CHANGE, what: `${CHANGE.what} at ${rate} a second` }, perChange[1]![at]!)),
    verdict(LOADING, many.startMs / 1_000),
    verdict(MEMORY, Math.max(loadedBytes, residentBytes) / MIB),
  ];
  const how = `${VERSIONS} versions with ${INSTANCES} instances each; small GETs in ${ROUNDS} rounds of ${LOAD.seconds} s; ${CHANGES} changes at each rate after as many that are not counted, told to the control plane included`;
  return `${how}\n\n${table}\n\n${verdicts.join('\n')}`;
}
