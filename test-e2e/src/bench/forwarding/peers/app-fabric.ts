import type { AppRoutes } from '@app-fabric/routing';
import { startProxy } from '../../start-proxy.js';
import type { Backend } from '../backend.js';
import { WEIGHTS_BP } from '../weights.js';
import type { Peer } from './peer.js';

/** The real program, fed by a Redis, with everything that is always on: weighted pick, ids, headers, counters, histograms. */
export const appFabric: Peer = appFabricWith('App Fabric', {});

/** The same with other settings. */
export function appFabricWith(name: string, settings: Record<string, string>): Peer {
  return {
    name,
    install: 'part of the project',
    isInstalled: () => true,
    async start(bench, backend) {
      const { pid, proxyUrl } = await startProxy(bench, [shopRoutes(backend)], settings);
      return { name, pid, url: (path) => `${proxyUrl}${shopPath(path)}` };
    },
  };
}

/** The path of a service consumer. */
function shopPath(path: string): string {
  return `/namespaces/default/apps/shop/services/cart/methods/${path}`;
}

function shopRoutes(backend: Backend): AppRoutes {
  const versions = Object.entries(backend).map(([version, ports]) => ({ version: Number(version), ports }));
  return {
    namespace: 'default',
    app: 'shop',
    fallback: 'random',
    onUnavailable: 'redistribute',
    aliases: {},
    versions: versions.map(({ version }) => ({ version, artifactVersion: `${version}.0.0` })),
    weights: WEIGHTS_BP,
    services: [
      {
        name: 'cart',
        weights: null,
        versions: versions.map(({ version, ports }) => ({
          version,
          instances: ports.map((port, index) => ({ id: `cart-${version}-${index}`, url: `http://127.0.0.1:${port}` })),
        })),
      },
    ],
  };
}
