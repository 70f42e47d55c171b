import { formatTable } from '@app-fabric/scenario';
import { significant } from '../bars.js';
import { type Latencies, runPacedLoad } from '../load/paced-load.js';
import { orderOfRound, spread } from '../statistics.js';
import type { Workbench } from '../workbench.js';
import { startBackend } from './backend.js';
import { usageOf } from './cpu-time.js';
import { PATHS } from './paths.js';
import { appFabric } from './peers/app-fabric.js';
import { haproxy } from './peers/haproxy.js';
import { nginx } from './peers/nginx.js';
import type { RunningPeer } from './peers/peer.js';
import { startPeers } from './peers/start-peers.js';
import { ROUNDS } from './rounds.js';
import { rowOfMissing } from './table-rows.js';

const CONNECTIONS = 64;
const SHARE_OF_MAXIMUM = 0.7;
const SECONDS = 4;
const WARM_UP_SECONDS = 2;

interface Round extends Latencies {
  /** Of the core that the proxy has. */
  busy: number;
}

/**
 * Latency at 70 % of what our proxy can take at the most, and of nginx and HAProxy at the same rate. The most is what the same load
 * generator gets answered when it waits for nothing but answers: it and the instances share a core, which may be full before the proxy's is.
 * No bar: the figures are for reading.
 */
export async function benchLatency(bench: Workbench): Promise<string> {
  const { backend, program } = await startBackend(bench);
  const { peers, missing } = await startPeers(bench, backend, [nginx, haproxy, appFabric]);
  const run = async (peer: RunningPeer, perSecond: number | null, seconds: number): Promise<Round> => {
    const before = await usageOf(peer.pid);
    const startedAt = performance.now();
    const latencies = await runPacedLoad(bench, { url: peer.url(PATHS.small), connections: CONNECTIONS, perSecond, seconds });
    const { cpuSeconds } = await usageOf(peer.pid);
    return { ...latencies, busy: (cpuSeconds - before.cpuSeconds) / ((performance.now() - startedAt) / 1_000) };
  };
  const ours = peers.find(({ name }) => name === appFabric.name)!;
  await run(ours, null, SECONDS);
  const most = await run(ours, null, SECONDS);
  const maximum = most.requests / SECONDS;
  const perSecond = Math.round(maximum * SHARE_OF_MAXIMUM);

  const measured = new Map(peers.map(({ name }): [string, Round[]] => [name, []]));
  for (const peer of peers) await run(peer, perSecond, WARM_UP_SECONDS);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const peer of orderOfRound(peers, round)) measured.get(peer.name)!.push(await run(peer, perSecond, SECONDS));

  const header = ['proxy', 'ms: p50', 'p99', 'p99.9', 'p99 of rounds', 'sender late p99', 'core busy'];
  const rows = peers.map(({ name }) => {
    const all = measured.get(name)!;
    const median = (of: (one: Round) => number) => spread(all.map(of)).median;
    const { min, max } = spread(all.map(({ p99 }) => p99));
    return [
      name,
      ...[({ p50 }: Round) => p50, ({ p99 }: Round) => p99, ({ p999 }: Round) => p999].map((of) => significant(median(of))),
      `${significant(min)} to ${significant(max)}`,
      significant(median(({ senderP99 }) => senderP99)),
      percent(median(({ busy }) => busy)),
    ];
  });
  const table = formatTable([header, ...rows, ...missing.map((peer) => rowOfMissing(peer, header.length))]);
  const rate = `${perSecond.toLocaleString('en')} requests/s, ${percent(SHARE_OF_MAXIMUM)} of the ${Math.round(maximum).toLocaleString('en')} that App Fabric answers beside this load and the instances (its core was ${percent(most.busy)} busy then)`;
  return `${rate}
Sent at an even rate over ${CONNECTIONS} connections, each counted from when it was due; medians of ${ROUNDS} rounds of ${SECONDS} s, instances: ${program}\n\n${table}`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
