import { formatTable } from '@app-fabric/scenario';
import { type Bar, significant, verdict } from '../bars.js';
import { type Spread } from '../statistics.js';
import type { Workbench } from '../workbench.js';
import { startBackend } from './backend.js';
import { PATHS } from './paths.js';
import { startPeers } from './peers/start-peers.js';
import { bytesPerCpuSecond, cpuRatio, measureRounds, ROUNDS } from './rounds.js';
import { rowOfMissing } from './table-rows.js';
import type { Load } from './wrk.js';

interface Case {
  what: string;
  path: string;
  bodyBytes: number;
  load: Load;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const SECONDS = 2;

const RESPONSES: readonly Case[] = [
  { what: '64 KiB responses', path: PATHS['64 KiB'], bodyBytes: 64 * KIB, load: { connections: 64, seconds: SECONDS, bodyBytes: 0 } },
  { what: '1 MiB responses', path: PATHS['1 MiB'], bodyBytes: MIB, load: { connections: 16, seconds: SECONDS, bodyBytes: 0 } },
];
const UPLOADS: readonly Case[] = [
  { what: '16 KiB requests', path: PATHS.upload, bodyBytes: 16 * KIB, load: { connections: 64, seconds: SECONDS, bodyBytes: 16 * KIB } },
  { what: '1 MiB requests', path: PATHS.upload, bodyBytes: MIB, load: { connections: 16, seconds: SECONDS, bodyBytes: MIB } },
];

const BAR = { source: 'issue', limit: 0.6, good: 'at least', unit: '× nginx' } as const satisfies Partial<Bar>;

export const benchResponses = (bench: Workbench): Promise<string> => benchBodies(bench, RESPONSES);
export const benchUploads = (bench: Workbench): Promise<string> => benchBodies(bench, UPLOADS);

/** Bytes of bodies per second of CPU time. */
async function benchBodies(bench: Workbench, cases: readonly Case[]): Promise<string> {
  const { backend, program } = await startBackend(bench);
  const { peers, missing } = await startPeers(bench, backend);
  const header = ['', 'proxy', 'MiB per CPU second: min', 'median', 'max', '× nginx: min', 'median', 'max'];
  const rows: string[][] = [];
  const verdicts: string[] = [];
  for (const { what, path, bodyBytes, load } of cases) {
    const all = await measureRounds(bench, peers, path, load);
    for (const one of all) {
      const bytes = bytesPerCpuSecond(one, bodyBytes);
      // More bytes for the same time is less time for the same bytes: the ratio of nginx's time to ours.
      const ratio = cpuRatio(all, 'nginx', one.name);
      rows.push([what, one.name, ...cells(bytes, MIB), ...(ratio ? cells(ratio, 1) : ['', '', ''])]);
      if (ratio !== null && one.name === 'App Fabric')
        verdicts.push(verdict({ ...BAR, what: `bytes per CPU second, ${what}` }, ratio.median));
    }
  }
  const table = formatTable([header, ...rows, ...missing.map((peer) => ['', ...rowOfMissing(peer, header.length - 1)])]);
  return `Bodies, ${ROUNDS} rounds of ${SECONDS} s each, instances: ${program}\n\n${table}\n\n${verdicts.join('\n')}`;
}

function cells({ min, median, max }: Spread, unit: number): string[] {
  return [min, median, max].map((value) => significant(value / unit));
}
