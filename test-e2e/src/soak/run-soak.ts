import type { Shop } from '@app-fabric/scenario';
import { Fabric } from '../harness/fabric.js';
import type { Crash } from './judge.js';
import { Lanes, type OperationCounts } from './lanes.js';
import { Load } from './load.js';
import { type Tallied, Tally } from './tally.js';
import { Timeline } from './timeline.js';
import { ProcessVersion, RemoteVersion, type SoakedVersion } from './version.js';

/** An artifact of which nothing is started by the control plane: its instances are registered. */
const REMOTE_ARTIFACT = 'elsewhere';

export interface SoakOptions {
  seconds: number;
  seed: number;
  /** Of each method, on each of the two proxies. */
  clients: number;
  pauseMs: number;
}

export interface SoakResult extends Tallied {
  operations: OperationCounts;
  lastOperations: readonly string[];
  /** How the proxies and the API ended. */
  exitCodes: (number | null)[];
}

/**
 * A whole fabric of its own under constant load while shares move ten times a second and instances stop, start and crash. Rejects, with
 * the seed and the last operations in the message, when an operation itself fails.
 */
export async function runSoak({ seconds, seed, clients, pauseMs }: SoakOptions): Promise<SoakResult> {
  const fabric = await Fabric.start({ proxies: 2 });
  const now = () => performance.now();
  const crashes: Crash[] = [];
  const timeline = new Timeline();
  const tally = new Tally(timeline, crashes, clients * 2);
  let versions: SoakedVersion[] = [];
  let lanes: Lanes | undefined;
  let load: Load | undefined;
  let exitCodes: (number | null)[] = [];
  try {
    const shop = fabric.shop('soak');
    versions = await makeVersions(fabric, shop);
    lanes = new Lanes({ seed, shop, versions, timeline, crashes, now });
    await lanes.startAll();
    load = Load.start({
      seed,
      apps: fabric.proxyUrls.map((proxy) => `${proxy}${shop.appPath}`),
      versions: versions.map(({ version }) => version),
      clients,
      pauseMs,
      onOutcome: (outcome) => tally.add(outcome),
    });
    await lanes.run(now() + seconds * 1_000);
  } catch (error) {
    throw new Error([`an operation failed; seed ${seed}`, ...(lanes?.operations ?? []), ...tally.result().firstFailures].join('\n'), {
      cause: error,
    });
  } finally {
    await load?.stop();
    exitCodes = (await fabric.stop()).map(({ code }) => code);
    await Promise.all(versions.map((version) => version.abandon()));
  }
  return { ...tally.result(), operations: lanes.counts, lastOperations: lanes.operations, exitCodes };
}

/** Versions 1 and 2 of the control plane's own processes, 3 and 4 of instances that run elsewhere; none of them runs yet. */
async function makeVersions(fabric: Fabric, shop: Shop): Promise<SoakedVersion[]> {
  const versions: SoakedVersion[] = [];
  for (const artifact of ['1.0.0', '2.0.0'] as const) {
    await shop.uploadArtifact(artifact);
    versions.push(new ProcessVersion(shop, await shop.createVersion(artifact)));
  }
  const path = `/namespaces/default/artifacts/${REMOTE_ARTIFACT}/versions/1.0.0`;
  await shop.client.call('PUT', path, { json: { programs: [{ name: 'cart', type: 'service' }] } });
  for (let count = 0; count < 2; count++) {
    const json = { artifact: { name: REMOTE_ARTIFACT, version: '1.0.0' } };
    const { version } = await shop.client.call('POST', `${shop.appPath}/versions`, { json });
    versions.push(new RemoteVersion(shop, version, fabric.adminUrls, '1.0.0'));
  }
  return versions;
}
