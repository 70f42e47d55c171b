import { formatTable } from '@app-fabric/scenario';
import { type Bar, significant, verdict } from '../bars.js';
import { type Spread, spread } from '../statistics.js';
import type { Workbench } from '../workbench.js';
import { startBackend } from './backend.js';
import { PATHS } from './paths.js';
import { appFabricWith } from './peers/app-fabric.js';
import { startPeers } from './peers/start-peers.js';
import { cpuRatio, measureRounds } from './rounds.js';

const LOAD = { connections: 64, seconds: 1, bodyBytes: 0 };
/** Many and short: a difference of a few percent is looked for, and what else the machine does must not meet one side alone. */
const ROUNDS = 31;

const WITHOUT = 'metrics off';
const WITH_METRICS = 'metrics on';
const METRICS: Bar = { source: 'issue', what: 'CPU per request with metrics', limit: 1.05, good: 'at most', unit: '× without' };

/** What it costs that requests are counted. */
export async function benchObserving(bench: Workbench): Promise<string> {
  const { backend, program } = await startBackend(bench);
  const wanted = [appFabricWith(WITHOUT, { FABRIC_PROXY_METRICS: 'off' }), appFabricWith(WITH_METRICS, { FABRIC_PROXY_METRICS: 'on' })];
  const { peers } = await startPeers(bench, backend, wanted);
  const all = await measureRounds(bench, peers, PATHS.small, LOAD, ROUNDS);
  const rows = all.map((one) => [
    one.name,
    ...cells(spread(one.cpuMicrosecondsPerRequest)),
    ...ratioCells(cpuRatio(all, one.name, WITHOUT)),
  ]);
  const table = formatTable([['App Fabric', 'CPU µs/request: min', 'median', 'max', `× ${WITHOUT}: min`, 'median', 'max'], ...rows]);
  const ratio = cpuRatio(all, WITH_METRICS, WITHOUT);
  const how = `Small GET, ${LOAD.connections} connections that stay open, ${ROUNDS} rounds of ${LOAD.seconds} s each, instances: ${program}`;
  return `${how}\n\n${table}\n\n${ratio === null ? '' : verdict(METRICS, ratio.median)}`;
}

function cells({ min, median, max }: Spread): string[] {
  return [min, median, max].map(significant);
}

function ratioCells(ratio: Spread | null): string[] {
  return ratio === null ? ['', '', ''] : cells(ratio);
}
