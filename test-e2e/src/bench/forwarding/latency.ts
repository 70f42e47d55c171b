import { formatTable } from '@app-fabric/scenario';
import { significant } from '../bars.js';
import { type Latencies, runPacedLoad } from '../load/paced-load.js';
import { orderOfRound, spread } from '../statistics.js';
import type { Workbench } from '../workbench.js';
import { startBackend } from './backend.js';
import { PATHS } from './paths.js';
import { appFabric } from './peers/app-fabric.js';
import { haproxy } from './peers/haproxy.js';
import { nginx } from './peers/nginx.js';
import { startPeers } from './peers/start-peers.js';
import { ROUNDS } from './rounds.js';
import { rowOfMissing } from './table-rows.js';
import { runWrk } from './wrk.js';

const CONNECTIONS = 64;
const SHARE_OF_MAXIMUM = 0.7;
const SECONDS_TO_MAXIMUM = 4;
const SECONDS = 4;
const WARM_UP_SECONDS = 2;

/** Latency at 70 % of what our proxy can take at the most, and of nginx and HAProxy at the same rate. No bar: the figures are for reading. */
export async function benchLatency(bench: Workbench): Promise<string> {
  const { backend, program } = await startBackend(bench);
  const { peers, missing } = await startPeers(bench, backend, [nginx, haproxy, appFabric]);
  const ours = peers.find(({ name }) => name === appFabric.name)!;
  const closedLoop = { connections: CONNECTIONS, seconds: SECONDS_TO_MAXIMUM, bodyBytes: 0 };
  await runWrk(bench, ours.url(PATHS.small), closedLoop);
  const { requests, seconds } = await runWrk(bench, ours.url(PATHS.small), closedLoop);
  const maximum = requests / seconds;
  const perSecond = Math.round(maximum * SHARE_OF_MAXIMUM);

  const measured = new Map(peers.map(({ name }): [string, Latencies[]] => [name, []]));
  const run = (url: string, forSeconds: number) => runPacedLoad(bench, { url, connections: CONNECTIONS, perSecond, seconds: forSeconds });
  for (const peer of peers) await run(peer.url(PATHS.small), WARM_UP_SECONDS);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const peer of orderOfRound(peers, round)) measured.get(peer.name)!.push(await run(peer.url(PATHS.small), SECONDS));

  const header = ['proxy', 'ms: p50', 'p99', 'p99.9', 'p99 of rounds', 'sender late p99'];
  const rows = peers.map(({ name }) => {
    const all = measured.get(name)!;
    const median = (of: (one: Latencies) => number) => significant(spread(all.map(of)).median);
    const { min, max } = spread(all.map(({ p99 }) => p99));
    return [
      name,
      median(({ p50 }) => p50),
      median(({ p99 }) => p99),
      median(({ p999 }) => p999),
      `${significant(min)} to ${significant(max)}`,
      median(({ senderP99 }) => senderP99),
    ];
  });
  const table = formatTable([header, ...rows, ...missing.map((peer) => rowOfMissing(peer, header.length))]);
  const rate = `${perSecond.toLocaleString('en')} requests/s, ${SHARE_OF_MAXIMUM * 100} % of the ${Math.round(maximum).toLocaleString('en')} that App Fabric answers on one core beside load and instances`;
  return `${rate}
Sent at an even rate over ${CONNECTIONS} connections, each counted from when it was due; medians of ${ROUNDS} rounds of ${SECONDS} s, instances: ${program}\n\n${table}`;
}
