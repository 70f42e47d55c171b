import type { AppRoutes } from '@app-fabric/routing';

export const VERSIONS = 3;
export const INSTANCES = 2;
const NAMESPACE = 'default';

/** So many apps of one service, three versions and two instances each, all with a distribution. `ports`: of instances that answer. */
export function manyApps(count: number, ports: readonly number[]): AppRoutes[] {
  return Array.from({ length: count }, (_, index) => oneOfMany(index, ports, 0));
}

/** App `index` as of its `change`: each change moves weights and gives version 3 other instances, as a release does. */
export function oneOfMany(index: number, ports: readonly number[], change: number): AppRoutes {
  const versions = Array.from({ length: VERSIONS }, (_, at) => at + 1);
  const share = change % 100;
  return {
    namespace: NAMESPACE,
    app: appName(index),
    fallback: 'random',
    onUnavailable: 'redistribute',
    aliases: { stable: 1 },
    versions: versions.map((version) => ({ version, artifactVersion: `${version}.0.0` })),
    weights: { 1: 9_000 - share, 2: 900 + share, 3: 100 },
    services: [
      {
        name: 'api',
        weights: null,
        versions: versions.map((version) => ({
          version,
          instances: Array.from({ length: INSTANCES }, (_, at) => ({
            id: `${appName(index)}-${version}-${at}${version === VERSIONS ? `-${change}` : ''}`,
            url: `http://127.0.0.1:${ports[(version * INSTANCES + at) % ports.length]}`,
          })),
        })),
      },
    ],
  };
}

/** As in changes. */
export function keyOf(index: number): string {
  return `${NAMESPACE}/${appName(index)}`;
}

export function pathOf(index: number, path: string): string {
  return `/namespaces/${NAMESPACE}/apps/${appName(index)}/services/api/methods/${path}`;
}

function appName(index: number): string {
  return `app-${index}`;
}
