import { formatTable } from '@app-fabric/scenario';
import { type Bar, significant, verdict } from '../bars.js';
import { startBackend } from '../forwarding/backend.js';
import { PATHS } from '../forwarding/paths.js';
import { ROUNDS } from '../forwarding/rounds.js';
import { type Latencies, runPacedLoad } from '../load/paced-load.js';
import { startProxy, storeRoutes } from '../start-proxy.js';
import { spread } from '../statistics.js';
import type { Workbench } from '../workbench.js';
import { ChangeStream } from './change-stream.js';
import { manyApps, pathOf } from './many-apps.js';

const SERVICES = 100_000;
const CHANGES_PER_SECOND = 1_000;
const REQUESTS_PER_SECOND = 2_000;
const CONNECTIONS = 64;
const SECONDS = 5;

const P99: Bar = {
  source: 'issue',
  what: `p99 with ${CHANGES_PER_SECOND} changes a second`,
  limit: 1.5,
  good: 'at most',
  unit: '× that without',
};

/**
 * Latency through a proxy with a large table, in turn without changes of routes and with a thousand a second. Making, storing and publishing
 * those takes its part of the machine, which the load and the backend then lack: the rounds without have the same stream, into another Redis,
 * which no proxy follows. How it is without any is printed, too. */
export async function benchChurn(bench: Workbench): Promise<string> {
  const { backend } = await startBackend(bench);
  const ports = Object.values(backend).flat();
  const { proxyUrl, publisher } = await startProxy(bench, manyApps(SERVICES, ports));
  const load = { url: `${proxyUrl}${pathOf(0, PATHS.small)}`, connections: CONNECTIONS, perSecond: REQUESTS_PER_SECOND, seconds: SECONDS };
  const elsewhere = await storeRoutes(bench, manyApps(SERVICES, ports));
  const streams = {
    here: new ChangeStream(publisher, SERVICES, ports),
    elsewhere: new ChangeStream(elsewhere.publisher, SERVICES, ports),
  };
  await runPacedLoad(bench, load);

  const still: Latencies[] = [];
  const calm: Latencies[] = [];
  const changing: Latencies[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    still.push(await runPacedLoad(bench, load));
    for (const [place, measured] of [
      ['elsewhere', calm],
      ['here', changing],
    ] as const) {
      const published = streams[place].run(CHANGES_PER_SECOND * SECONDS, CHANGES_PER_SECOND, place === 'here');
      measured.push(await runPacedLoad(bench, load));
      await published;
    }
  }
  const ratio = spread(calm.map(({ p99 }, round) => changing[round]!.p99 / p99));
  const row = (what: string, all: Latencies[]) => [
    what,
    ...[({ p50 }: Latencies) => p50, ({ p99 }: Latencies) => p99, ({ p999 }: Latencies) => p999].map((of) =>
      significant(spread(all.map(of)).median),
    ),
  ];
  const table = formatTable([
    ['changes/s', 'ms: p50', 'p99', 'p99.9'],
    row('none', still),
    row(`${CHANGES_PER_SECOND} elsewhere`, calm),
    row(`${CHANGES_PER_SECOND} here`, changing),
  ]);
  const how = `${SERVICES.toLocaleString('en')} services, ${REQUESTS_PER_SECOND.toLocaleString('en')} requests/s at an even rate, medians of ${ROUNDS} rounds of ${SECONDS} s each; p99 with over p99 without, by round: ${significant(ratio.min)} to ${significant(ratio.max)}`;
  return `${how}\n\n${table}\n\n${verdict(P99, ratio.median)}`;
}
