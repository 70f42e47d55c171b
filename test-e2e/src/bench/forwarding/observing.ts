import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { formatTable } from '@app-fabric/scenario';
import { type Bar, significant, verdict } from '../bars.js';
import { type Spread, spread } from '../statistics.js';
import type { Workbench } from '../workbench.js';
import { startBackend } from './backend.js';
import { PATHS } from './paths.js';
import { appFabricWith } from './peers/app-fabric.js';
import { startPeers } from './peers/start-peers.js';
import { cpuRatio, measureRounds } from './rounds.js';

const LOAD = { connections: 64, seconds: 2, bodyBytes: 0 };
/** Many and short: a difference of a few percent is looked for, and what else the machine does must not meet one side alone. */
const ROUNDS = 21;

const SAMPLER = 'parentbased_traceidratio';
const WITHOUT = 'metrics off';
const WITH_METRICS = 'metrics on';
const WITH_TRACES = 'metrics on, 1 % traced';
const METRICS: Bar = { source: 'issue', what: 'CPU per request with metrics', limit: 1.05, good: 'at most', unit: '× without' };
/** Beside a proxy that counts as well: what traces add. */
const TRACES: Bar = { ...METRICS, what: 'CPU per request with 1 % traced', limit: 1.1, unit: '× metrics on' };

/** What it costs that requests are counted, and one in a hundred is traced. */
export async function benchObserving(bench: Workbench): Promise<string> {
  const { backend, program } = await startBackend(bench);
  const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: await startSink(bench), OTEL_TRACES_SAMPLER: SAMPLER, OTEL_TRACES_SAMPLER_ARG: '0.01' };
  const wanted = [
    appFabricWith(WITHOUT, { FABRIC_PROXY_METRICS: 'off' }),
    appFabricWith(WITH_METRICS, {}),
    appFabricWith(WITH_TRACES, traced),
  ];
  const { peers } = await startPeers(bench, backend, wanted);
  const all = await measureRounds(bench, peers, PATHS.small, LOAD, ROUNDS);
  const rows = all.map((one) => [
    one.name,
    ...cells(spread(one.cpuMicrosecondsPerRequest)),
    ...ratioCells(cpuRatio(all, one.name, WITHOUT)),
  ]);
  const table = formatTable([['App Fabric', 'CPU µs/request: min', 'median', 'max', `× ${WITHOUT}: min`, 'median', 'max'], ...rows]);
  const verdicts = (
    [
      [METRICS, WITH_METRICS, WITHOUT],
      [TRACES, WITH_TRACES, WITH_METRICS],
    ] as const
  ).flatMap(([bar, name, base]) => {
    const ratio = cpuRatio(all, name, base);
    return ratio === null ? [] : [verdict(bar, ratio.median)];
  });
  const how = `Small GET, ${LOAD.connections} connections that stay open, ${ROUNDS} rounds of ${LOAD.seconds} s each, instances: ${program}`;
  return `${how}\n\n${table}\n\n${verdicts.join('\n')}`;
}

/** Takes spans and forgets them. */
async function startSink(bench: Workbench): Promise<string> {
  const server = createServer((request, response) => request.resume().once('end', () => response.end()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  bench.onClose(async () => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function cells({ min, median, max }: Spread): string[] {
  return [min, median, max].map(significant);
}

function ratioCells(ratio: Spread | null): string[] {
  return ratio === null ? ['', '', ''] : cells(ratio);
}
