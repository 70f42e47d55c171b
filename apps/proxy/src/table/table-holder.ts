import type { RouteDocument } from '@app-fabric/contracts';
import {
  type AppRoutes,
  affinityCookie,
  affinityKeyOf,
  type CompiledApp,
  type CompiledMirror,
  checkApp,
  compileApp,
  type HostClaim,
  LimiterRegistry,
  pickInstance,
  type RouteChoice,
  RouteTable,
  resolveInApp,
  shouldMirror,
} from '@app-fabric/routing';
import type { Resolution, RouteQuery, RouteResolver } from '../http/route-resolver.js';
import type { InstanceState } from '../upstream/instance.js';
import type { InstanceRegistry } from '../upstream/instance-registry.js';
import type { Outliers } from '../upstream/outliers.js';
import { readAccepted } from './raw-change.js';
import type { RouteSink } from './route-sync.js';

type InstanceHealth = Pick<Outliers<unknown>, 'usable' | 'settle'>;

/** The table that requests are routed by. An app is replaced in one assignment; requests that were routed before keep what they got. */
export class TableHolder implements RouteSink, RouteResolver {
  ready = false;
  readonly #table = new RouteTable<InstanceState>();
  readonly #registry: InstanceRegistry;
  readonly #outliers: InstanceHealth;
  readonly #limiters = new LimiterRegistry();
  readonly #random: () => number;
  readonly #inFlightOf = (instance: InstanceState): number => instance.inFlight;

  constructor(registry: InstanceRegistry, outliers: InstanceHealth, random: () => number) {
    this.#registry = registry;
    this.#outliers = outliers;
    this.#random = random;
  }

  /** What no request has asked for yet is only checked, so that a bad document is refused at once: most apps of a large table get none for long. */
  put(key: string, document: RouteDocument, json: string): void {
    const { namespace, app } = document.routes;
    if (this.#table.isCompiled(namespace, app)) {
      this.#table.replace(this.#compile(key, document.routes));
      return;
    }
    const { hosts } = checkApp(document.routes);
    this.#table.replaceUncompiled({ namespace, app, hosts }, () => this.#compile(key, readAccepted(json).routes));
  }

  remove(key: string): void {
    const [namespace = '', app = ''] = key.split('/', 2);
    this.#registry.replaceApp(key, () => {
      this.#table.remove(namespace, app);
    });
    this.#limiters.replaceApp(key, () => undefined);
  }

  /** This process's part of what is limited for the proxy as a whole, in (0, 1]. */
  setShare(share: number): void {
    this.#limiters.setShare(share);
  }

  /** Whether the service is there, in that version where one is named (in decimal). */
  routesTo({ namespace, app, service, version }: { namespace: string; app: string; service: string; version: string }): boolean {
    const found = this.#table.get(namespace, app)?.services.get(service);
    return found !== undefined && (version === '' || found.versions.some(({ versionText }) => versionText === version));
  }

  lookupHost(authority: string, path: string): HostClaim | undefined {
    return this.#table.lookupHost(authority, path);
  }

  resolve(query: RouteQuery): Resolution {
    const { namespace, service: serviceName, fields, values } = query;
    const app = this.#table.get(namespace, query.app);
    if (app === undefined) {
      return { ok: false, code: 'app_not_found', detail: `There is no app ${query.app} in namespace ${namespace}.`, serviceExists: false };
    }
    const known = app.affinity === null ? null : affinityKeyOf(app.affinity, values);
    const madeUp = known === null && app.affinity?.by === 'cookie' ? query.newConsumerId() : null;
    const result = resolveInApp(
      app,
      {
        namespace,
        app: query.app,
        service: serviceName,
        pathVersion: query.pathVersion,
        versionHeader: query.versionHeader,
        artifactHeader: query.artifactHeader,
        acceptHeader: app.pinByAccept ? fields.values('accept').join(',') : null,
        values,
        affinityKey: known ?? madeUp,
      },
      this.#random,
    );
    const service = app.services.get(serviceName);
    if (!result.ok) return { ok: false, code: result.code, detail: result.detail, serviceExists: service !== undefined };
    const { version, instances } = result.version;
    return {
      ok: true,
      choice: result,
      // There is no choice without one.
      service: service!,
      instance: this.#pick(instances),
      mirror: this.#mirror(service!.mirror, version),
      affinityCookie: madeUp !== null && app.affinity !== null && result.byAffinity ? affinityCookie(app.affinity, madeUp) : null,
    };
  }

  pickOther({ version }: RouteChoice<InstanceState>, failed: InstanceState): InstanceState | null {
    const others = version.instances.filter((instance) => !instance.leaving && instance !== failed);
    // No trial either: this request has failed once already.
    const well = others.filter((instance) => instance.outlier.ejectedUntil === 0);
    return others.length === 0 ? null : this.#pick(well.length > 0 ? well : others);
  }

  released(instance: InstanceState): void {
    this.#registry.released(instance);
  }

  /** Former instances are let go in the same turn in which the app comes into the table: a request never picks one that was just released. */
  #compile(key: string, routes: AppRoutes): CompiledApp<InstanceState> {
    return this.#limiters.replaceApp(key, (obtainLimiter) =>
      this.#registry.replaceApp(key, (obtain) => {
        const app = compileApp(routes, obtain, obtainLimiter);
        for (const { versions } of app.services.values()) for (const { instances } of versions) this.#outliers.settle(instances);
        return app;
      }),
    );
  }

  #mirror(mirror: CompiledMirror<InstanceState> | null, served: number): Extract<Resolution, { ok: true }>['mirror'] {
    if (!shouldMirror(mirror, served, this.#random)) return null;
    const { version, maxBodyBytes } = mirror;
    return { version: version.version, instance: this.#pick(version.instances), maxBodyBytes };
  }

  #pick(instances: readonly InstanceState[]): InstanceState {
    return pickInstance(instances, this.#inFlightOf, this.#random, this.#outliers.usable);
  }
}
