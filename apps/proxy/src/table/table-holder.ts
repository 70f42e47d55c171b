import type { RouteDocument } from '@app-fabric/contracts';
import { type Affinity, compileApp, pickInstance, RouteTable, resolve } from '@app-fabric/routing';
import { cookieValue, type RequestFields } from '../http/fields.js';
import { plainAddress } from '../http/forwarded.js';
import type { Resolution, RouteQuery, RouteResolver } from '../http/route-resolver.js';
import type { InstanceState } from '../upstream/instance.js';
import type { InstanceRegistry } from '../upstream/instance-registry.js';
import type { RouteSink } from './route-sync.js';

/** An affinity key is hashed for each request: longer ones count by their beginning. */
const MAX_AFFINITY_KEY = 256;

/** The table that requests are routed by. An app is replaced in one assignment; requests that were routed before keep what they got. */
export class TableHolder implements RouteSink, RouteResolver {
  ready = false;
  readonly #table = new RouteTable<InstanceState>();
  readonly #registry: InstanceRegistry;
  readonly #random: () => number;
  readonly #inFlightOf = (instance: InstanceState): number => instance.inFlight;

  constructor(registry: InstanceRegistry, random: () => number) {
    this.#registry = registry;
    this.#random = random;
  }

  put(key: string, document: RouteDocument): void {
    // The new app is in the table before former instances are let go: a request never picks one that was just released.
    this.#registry.replaceApp(key, (obtain) => {
      this.#table.replace(compileApp(document.routes, obtain));
    });
  }

  remove(key: string): void {
    const [namespace = '', app = ''] = key.split('/', 2);
    this.#registry.replaceApp(key, () => {
      this.#table.remove(namespace, app);
    });
  }

  resolve(query: RouteQuery): Resolution {
    const { namespace, app: appName, service } = query;
    const app = this.#table.get(namespace, appName);
    const result = resolve(
      this.#table,
      {
        namespace,
        app: appName,
        service,
        pathVersion: query.pathVersion,
        versionHeader: query.versionHeader,
        artifactHeader: query.artifactHeader,
        affinityKey: app?.affinity ? affinityKey(app.affinity, query.fields, query.remoteAddress) : null,
      },
      this.#random,
    );
    if (!result.ok) return { ok: false, code: result.code, detail: result.detail, serviceExists: app?.services.has(service) === true };
    const { version, artifactVersion, instances } = result.version;
    return {
      ok: true,
      version,
      artifactVersion,
      reason: result.reason,
      instance: this.#pick(instances),
      pickOther: (tried) => {
        const others = instances.filter((instance) => !instance.leaving && !tried.includes(instance));
        return others.length === 0 ? null : this.#pick(others);
      },
      released: (instance) => this.#registry.released(instance),
    };
  }

  #pick(instances: readonly InstanceState[]): InstanceState {
    return pickInstance(instances, this.#inFlightOf, this.#random);
  }
}

/** What keeps a consumer on its version. A cookie is only read: setting it is for whoever made it. */
function affinityKey(affinity: Affinity, fields: RequestFields, remoteAddress: string): string | undefined {
  switch (affinity.by) {
    case 'header':
      return fields.value((affinity.name ?? '').toLowerCase())?.slice(0, MAX_AFFINITY_KEY);
    case 'cookie':
      return cookieValue(fields, affinity.name ?? '')?.slice(0, MAX_AFFINITY_KEY);
    case 'address':
      return plainAddress(remoteAddress);
  }
}
