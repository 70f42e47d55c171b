import { formatTable } from '@app-fabric/scenario';
import { OtlpReceiver } from '@app-fabric/tracing/testing';
import { type Bar, significant, verdict } from '../bars.js';
import { type Spread, spread } from '../statistics.js';
import type { Workbench } from '../workbench.js';
import { startBackend } from './backend.js';
import { PATHS } from './paths.js';
import { appFabricWith } from './peers/app-fabric.js';
import { startPeers } from './peers/start-peers.js';
import { cpuRatio, measureRounds } from './rounds.js';

const LOAD = { connections: 64, seconds: 1, bodyBytes: 0 };
/** Many and short: a difference of a few percent is looked for. */
const ROUNDS = 31;

const WITHOUT = 'no traces';
const SAMPLED = 'traces of 1 %';
const TRACES: Bar = { source: 'issue', what: 'CPU per request with traces of 1 %', limit: 1.1, good: 'at most', unit: '× without' };

/** What it costs to record one request in a hundred and to send its spans to a receiver. */
export async function benchTracing(bench: Workbench): Promise<string> {
  const { backend, program } = await startBackend(bench);
  const receiver = await OtlpReceiver.start();
  bench.onClose(() => receiver.stop());
  const recording = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.01',
  };
  const wanted = [appFabricWith(WITHOUT, {}), appFabricWith(SAMPLED, recording)];
  const { peers } = await startPeers(bench, backend, wanted);
  const all = await measureRounds(bench, peers, PATHS.small, LOAD, ROUNDS);
  const rows = all.map((one) => {
    const ratio = cpuRatio(all, one.name, WITHOUT);
    return [one.name, ...cells(spread(one.cpuMicrosecondsPerRequest)), ...(ratio === null ? ['', '', ''] : cells(ratio))];
  });
  const table = formatTable([['App Fabric', 'CPU µs/request: min', 'median', 'max', `× ${WITHOUT}: min`, 'median', 'max'], ...rows]);
  const ratio = cpuRatio(all, SAMPLED, WITHOUT);
  const how = `Small GET, ${LOAD.connections} connections that stay open, ${ROUNDS} rounds of ${LOAD.seconds} s each, instances: ${program}`;
  const sent = `Spans that came to the receiver: ${receiver.spans.length.toLocaleString('en')}`;
  return `${how}\n\n${table}\n\n${sent}\n${ratio === null ? '' : verdict(TRACES, ratio.median)}`;
}

function cells({ min, median, max }: Spread): string[] {
  return [min, median, max].map(significant);
}
