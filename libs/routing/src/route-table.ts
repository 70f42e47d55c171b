import type { CompiledApp } from './compiled.js';
import { type HostClaim, HostTable } from './host-table.js';

/**
 * The apps that a data plane routes to. Looking one up costs the same whatever their number; replacing one is one assignment, so a
 * request sees an app either as it was or as it is. Maps, not objects: an app may be called `constructor`.
 */
export class RouteTable<I> {
  readonly #namespaces = new Map<string, Map<string, CompiledApp<I>>>();
  readonly #hosts = new HostTable();
  #size = 0;

  /** The number of apps. */
  get size(): number {
    return this.#size;
  }

  get(namespace: string, app: string): CompiledApp<I> | undefined {
    return this.#namespaces.get(namespace)?.get(app);
  }

  /** Whose a request is by its host, and path without query; see {@link HostTable.lookup}. */
  lookupHost(authority: string, path: string): HostClaim | undefined {
    return this.#hosts.lookup(authority, path);
  }

  /** Adds the app, or puts it in the place of the one of the same name, which is returned. */
  replace(app: CompiledApp<I>): CompiledApp<I> | undefined {
    let apps = this.#namespaces.get(app.namespace);
    if (apps === undefined) {
      apps = new Map();
      this.#namespaces.set(app.namespace, apps);
    }
    const previous = apps.get(app.app);
    apps.set(app.app, app);
    if (previous === undefined) this.#size += 1;
    this.#hosts.replace(ownerKey(app.namespace, app.app), app.hosts);
    return previous;
  }

  /** Takes the app out and returns it; `undefined` when it was not there. */
  remove(namespace: string, app: string): CompiledApp<I> | undefined {
    const apps = this.#namespaces.get(namespace);
    const previous = apps?.get(app);
    if (apps === undefined || previous === undefined) return undefined;
    apps.delete(app);
    if (apps.size === 0) this.#namespaces.delete(namespace);
    this.#size -= 1;
    this.#hosts.replace(ownerKey(namespace, app), []);
    return previous;
  }

  *apps(): Generator<CompiledApp<I>, void, undefined> {
    for (const apps of this.#namespaces.values()) yield* apps.values();
  }
}

/** Names hold no slash. */
function ownerKey(namespace: string, app: string): string {
  return `${namespace}/${app}`;
}
