import { type AppRoutes, compileApp, pickInstance, type RouteRequest, RouteTable, resolve } from '@app-fabric/routing';

const PICKS = 1_000_000;
const ROUNDS = 3;
/** A prime, so that walking the services in this stride visits all of them in an order that caches cannot guess. */
const STRIDE = 7_919;

export interface PickRate {
  services: number;
  /** How many of them the requests go to, evenly: the fewer, the more of them are in the processor's caches. */
  asked: number;
  by: string;
  /** Decisions (version and instance) a second of one core: the best of some rounds, as noise only ever slows down. */
  picksPerSecond: number;
}

interface BenchInstance {
  inFlight: number;
}

/** How many routing decisions one core makes a second with so many services in the table, requests going to `asked` of them. */
export function measurePicks(services: number, asked = services): PickRate[] {
  const table = new RouteTable<BenchInstance>();
  for (let index = 0; index < services; index += 1) table.replace(compileApp(routesOf(index), () => ({ inFlight: 0 })));
  // One shape for all, as the proxy makes them.
  const list = (versionHeader: string | null, affinityKey: (index: number) => string | null): RouteRequest[] =>
    Array.from({ length: asked }, (_, index) => ({
      namespace: 'default',
      app: `app-${index}`,
      service: 'api',
      pathVersion: null,
      versionHeader,
      artifactHeader: null,
      affinityKey: affinityKey(index),
    }));
  const requests: [by: string, requests: RouteRequest[]][] = [
    ['weights', list(null, () => null)],
    ['pin', list('2', () => null)],
    ['affinity', list(null, (index) => `user-${index}`)],
  ];
  return requests.map(([by, all]) => ({ services, asked, by, picksPerSecond: best(() => pickAll(table, all)) }));
}

function pickAll(table: RouteTable<BenchInstance>, requests: readonly RouteRequest[]): void {
  const inFlight = (instance: BenchInstance) => instance.inFlight;
  let at = 0;
  for (let pick = 0; pick < PICKS; pick += 1) {
    at = (at + STRIDE) % requests.length;
    const result = resolve(table, requests[at]!, Math.random);
    if (!result.ok) throw new Error(result.detail);
    // What is picked is used, or the compiler could leave the work out.
    pickInstance(result.version.instances, inFlight, Math.random).inFlight ^= 1;
  }
}

function best(run: () => void): number {
  run();
  let fastestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedAt = performance.now();
    run();
    fastestMs = Math.min(fastestMs, performance.now() - startedAt);
  }
  return PICKS / (fastestMs / 1000);
}

/** Three versions of one service, three instances each. */
function routesOf(index: number): AppRoutes {
  const versions = [1, 2, 3];
  return {
    namespace: 'default',
    app: `app-${index}`,
    fallback: 'random',
    onUnavailable: 'redistribute',
    affinity: { by: 'header', name: 'X-User' },
    aliases: { stable: 1 },
    versions: versions.map((version) => ({ version, artifactVersion: `${version}.0.0` })),
    weights: { 1: 9000, 2: 900, 3: 100 },
    services: [
      {
        name: 'api',
        weights: null,
        versions: versions.map((version) => ({
          version,
          instances: [1, 2, 3].map((one) => ({ id: `${version}-${one}`, url: `http://127.0.0.1:${20_000 + one}` })),
        })),
      },
    ],
  };
}
