import { compileApp } from '../compile-app.js';
import { RouteTable } from '../route-table.js';
import type { AppRoutes, InstanceRef, ServiceRoutes, WeightsRecord } from '../routes.js';

/** `MyApp` in `default`, without weights; version n is made from artifact version n.0.0. */
export function appRoutes(change: Partial<AppRoutes> = {}): AppRoutes {
  return {
    namespace: 'default',
    app: 'MyApp',
    fallback: 'random',
    onUnavailable: 'redistribute',
    aliases: {},
    versions: [1, 2, 3].map((version) => ({ version, artifactVersion: `${version}.0.0` })),
    weights: null,
    services: [],
    ...change,
  };
}

/** A service that runs in the given versions, with so many instances each. */
export function service(name: string, instanceCounts: Record<number, number>, weights: WeightsRecord | null = null): ServiceRoutes {
  return {
    name,
    weights,
    versions: Object.entries(instanceCounts).map(([version, count]) => ({
      version: Number(version),
      instances: Array.from({ length: count }, (_, index) => instance(`${name}-${version}-${index}`)),
    })),
  };
}

export function tableOf(...apps: AppRoutes[]): RouteTable<InstanceRef> {
  const table = new RouteTable<InstanceRef>();
  for (const app of apps) table.replace(compileApp(app, (ref) => ref));
  return table;
}

function instance(id: string): InstanceRef {
  return { id, url: 'http://127.0.0.1:9' };
}
