import type { CompiledApp } from './compiled.js';
import { type HostClaim, HostTable } from './host-table.js';

/** What is needed of an app that no request has asked for yet. */
interface UncompiledApp {
  readonly namespace: string;
  readonly app: string;
  readonly hosts: readonly HostClaim[];
}

/** In the table in the place of an app, until it is asked for. */
class Uncompiled<I> {
  constructor(readonly compile: () => CompiledApp<I>) {}
}

/**
 * The apps that a data plane routes to. Looking one up costs the same whatever their number; replacing one is one assignment, so a
 * request sees an app either as it was or as it is. An app may be compiled by its first request: of a large table most apps get none for
 * long, and what a change makes for them would only be garbage at the next one. Maps, not objects: an app may be called `constructor`.
 */
export class RouteTable<I> {
  readonly #namespaces = new Map<string, Map<string, CompiledApp<I> | Uncompiled<I>>>();
  readonly #hosts = new HostTable();
  #size = 0;

  /** The number of apps. */
  get size(): number {
    return this.#size;
  }

  /** Compiles the app if nobody has asked for it yet. */
  get(namespace: string, app: string): CompiledApp<I> | undefined {
    const apps = this.#namespaces.get(namespace);
    const found = apps?.get(app);
    if (!(found instanceof Uncompiled)) return found;
    const compiled = found.compile();
    apps?.set(app, compiled);
    return compiled;
  }

  /** Whether it is there, and has been asked for or put there compiled. */
  isCompiled(namespace: string, app: string): boolean {
    const found = this.#namespaces.get(namespace)?.get(app);
    return found !== undefined && !(found instanceof Uncompiled);
  }

  /** Whose a request is by its host, and path without query; see {@link HostTable.lookup}. */
  lookupHost(authority: string, path: string): HostClaim | undefined {
    return this.#hosts.lookup(authority, path);
  }

  /** Adds the app, or puts it in the place of the one of the same name. */
  replace(app: CompiledApp<I>): void {
    this.#put(app, app);
  }

  /** {@link replace} for when it is first asked for. `compile` must not throw: whoever puts it here has tried it. */
  replaceUncompiled(app: UncompiledApp, compile: () => CompiledApp<I>): void {
    this.#put(app, new Uncompiled(compile));
  }

  /** False when it was not there. */
  remove(namespace: string, app: string): boolean {
    const apps = this.#namespaces.get(namespace);
    if (apps === undefined || !apps.delete(app)) return false;
    if (apps.size === 0) this.#namespaces.delete(namespace);
    this.#size -= 1;
    this.#hosts.replace(ownerKey(namespace, app), []);
    return true;
  }

  #put({ namespace, app, hosts }: UncompiledApp, entry: CompiledApp<I> | Uncompiled<I>): void {
    let apps = this.#namespaces.get(namespace);
    if (apps === undefined) {
      apps = new Map();
      this.#namespaces.set(namespace, apps);
    }
    if (!apps.has(app)) this.#size += 1;
    apps.set(app, entry);
    this.#hosts.replace(ownerKey(namespace, app), hosts);
  }
}

/** Names hold no slash. */
function ownerKey(namespace: string, app: string): string {
  return `${namespace}/${app}`;
}
