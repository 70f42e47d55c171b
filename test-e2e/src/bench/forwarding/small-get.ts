import { formatTable } from '@app-fabric/scenario';
import { type Bar, significant, verdict } from '../bars.js';
import { type Spread, spread } from '../statistics.js';
import type { Workbench } from '../workbench.js';
import { startBackend } from './backend.js';
import { PATHS } from './paths.js';
import { startPeers } from './peers/start-peers.js';
import { cpuRatio, measureRounds, ROUNDS } from './rounds.js';
import { rowOfMissing } from './table-rows.js';

const LOAD = { connections: 64, seconds: 3, bodyBytes: 0 };

const NGINX: Bar = { source: 'issue', what: 'CPU per request', limit: 1.6, good: 'at most', unit: '× nginx' };
const NGINX_AIM: Bar = { ...NGINX, source: 'aim', limit: 1.25 };
const HTTP_PROXY: Bar = { source: 'issue', what: 'CPU per request', limit: 0.25, good: 'at most', unit: '× http-proxy' };
const CADDY: Bar = { source: 'issue', what: 'CPU per request', limit: 0.4, good: 'at most', unit: '× Caddy' };

/** CPU time per request of small GETs: our proxy with everything on, the others with the least that does the job. */
export async function benchSmallGet(bench: Workbench): Promise<string> {
  const { backend, program } = await startBackend(bench);
  const { peers, missing } = await startPeers(bench, backend);
  const all = await measureRounds(bench, peers, PATHS.small, LOAD);
  const rows = all.map((one) => {
    const ratio = cpuRatio(all, one.name, 'nginx');
    return [
      one.name,
      ...cells(spread(one.cpuMicrosecondsPerRequest)),
      ...(ratio ? cells(ratio) : ['', '', '']),
      perSecond(one.requestsPerSecond),
    ];
  });
  const header = ['proxy', 'CPU µs/request: min', 'median', 'max', '× nginx: min', 'median', 'max', 'requests/s'];
  const table = formatTable([header, ...rows, ...missing.map((peer) => rowOfMissing(peer, header.length))]);
  const verdicts = (
    [
      [NGINX, 'nginx'],
      [NGINX_AIM, 'nginx'],
      [HTTP_PROXY, 'http-proxy'],
      [CADDY, 'Caddy'],
    ] as const
  ).flatMap(([bar, base]) => {
    const ratio = cpuRatio(all, 'App Fabric', base);
    return ratio === null ? [] : [verdict(bar, ratio.median)];
  });
  const how = `Small GET, ${LOAD.connections} connections that stay open, ${ROUNDS} rounds of ${LOAD.seconds} s each, instances: ${program}`;
  return `${how}\n\n${table}\n\n${verdicts.join('\n')}`;
}

function cells({ min, median, max }: Spread): string[] {
  return [min, median, max].map(significant);
}

function perSecond(values: readonly number[]): string {
  return Math.round(spread(values).median).toLocaleString('en');
}
