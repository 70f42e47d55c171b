import { formatTable } from '@app-fabric/scenario';
import { type Bar, significant, verdict } from '../bars.js';
import { startProxy } from '../start-proxy.js';
import { manyApps, pathOf } from '../table/many-apps.js';
import type { Workbench } from '../workbench.js';
import { peakGrowth } from './peak-memory.js';
import { downloadSlowly, startLargeInstance, upload } from './slow-peer.js';

const MIB = 1024 * 1024;
const WARM_UP_BYTES = 16 * MIB;
export const MAX_GROWTH_MIB = 64;

export interface LargeBodyGrowth {
  downloadBytes: number;
  uploadBytes: number;
}

/** How far a proxy's resident memory rises while one body of `bytes` goes to a slow reader, then one to a slow instance. */
export async function measureLargeBodies(bench: Workbench, bytes: number): Promise<LargeBodyGrowth> {
  const [warmUp, large] = [await startLargeInstance(WARM_UP_BYTES), await startLargeInstance(bytes)];
  bench.onClose(() => Promise.all([warmUp.close(), large.close()]));
  const apps = [...manyApps(1, [warmUp.port]), ...manyApps(2, [large.port]).slice(1)];
  const { pid, proxyUrl } = await startProxy(bench, apps);
  const url = (app: number) => proxyUrl + pathOf(app, 'large');
  // What the program needs once, whatever passes through it.
  await downloadSlowly(url(0), WARM_UP_BYTES);
  await upload(url(0), WARM_UP_BYTES);
  const downloadBytes = await peakGrowth(pid, () => downloadSlowly(url(1), bytes));
  const uploadBytes = await peakGrowth(pid, () => upload(url(1), bytes));
  return { downloadBytes, uploadBytes };
}

const LARGE_BYTES = 1024 * MIB;
const bar = (what: string): Bar => ({ source: 'issue', what, limit: MAX_GROWTH_MIB, good: 'below', unit: 'MiB' });

/** `npm run bench -- large`. */
export async function benchLargeBodies(bench: Workbench): Promise<string> {
  const { downloadBytes, uploadBytes } = await measureLargeBodies(bench, LARGE_BYTES);
  const table = formatTable([
    ['body of 1 GiB', 'resident memory rises by, MiB'],
    ['answer to a slow reader', significant(downloadBytes / MIB)],
    ['upload to a slow instance', significant(uploadBytes / MIB)],
  ]);
  const verdicts = [
    verdict(bar('memory for an answer to a slow reader'), downloadBytes / MIB),
    verdict(bar('memory for an upload to a slow instance'), uploadBytes / MIB),
  ];
  return `${table}\n\n${verdicts.join('\n')}`;
}
