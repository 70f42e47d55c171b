import { orderOfRound, ratiosByRound, type Spread, spread } from '../statistics.js';
import type { Workbench } from '../workbench.js';
import { usageOf } from './cpu-time.js';
import type { RunningPeer } from './peers/peer.js';
import { type Load, runWrk } from './wrk.js';

export const ROUNDS = 5;
const WARM_UP_SECONDS = 2;

/** What each round has shown of one proxy. */
export interface Rounds {
  name: string;
  cpuMicrosecondsPerRequest: number[];
  requestsPerSecond: number[];
}

/** All proxies after one another under the same load, in rounds that each begin with another one. */
export async function measureRounds(
  bench: Workbench,
  peers: readonly RunningPeer[],
  path: string,
  load: Load,
  rounds = ROUNDS,
): Promise<Rounds[]> {
  const measured = new Map(
    peers.map(({ name }): [string, Rounds] => [name, { name, cpuMicrosecondsPerRequest: [], requestsPerSecond: [] }]),
  );
  for (const peer of peers) await runWrk(bench, peer.url(path), { ...load, seconds: WARM_UP_SECONDS });
  for (let round = 0; round < rounds; round += 1) {
    for (const peer of orderOfRound(peers, round)) {
      const before = await usageOf(peer.pid);
      const { requests, seconds } = await runWrk(bench, peer.url(path), load);
      const after = await usageOf(peer.pid);
      const one = measured.get(peer.name)!;
      one.cpuMicrosecondsPerRequest.push(((after.cpuSeconds - before.cpuSeconds) * 1e6) / requests);
      one.requestsPerSecond.push(requests / seconds);
    }
  }
  return [...measured.values()];
}

/** CPU per request of `of` over that of `base`, round by round; null when one of them was not measured. */
export function cpuRatio(all: readonly Rounds[], of: string, base: string): Spread | null {
  const [first, second] = [of, base].map((name) => all.find((one) => one.name === name)?.cpuMicrosecondsPerRequest);
  return first === undefined || second === undefined ? null : ratiosByRound(first, second);
}

/** Bytes of bodies that a proxy moves with one second of CPU time. */
export function bytesPerCpuSecond({ cpuMicrosecondsPerRequest }: Rounds, bodyBytes: number): Spread {
  return spread(cpuMicrosecondsPerRequest.map((microseconds) => (bodyBytes / microseconds) * 1e6));
}
