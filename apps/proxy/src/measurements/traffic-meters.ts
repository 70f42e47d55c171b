import type { MeasuredSeries } from '@app-fabric/contracts';
import { Meter } from '@app-fabric/measurement';
import type { ProxyMetrics } from '../metrics/proxy-metrics.js';
import type { RouteLabels, RouteRequests } from '../metrics/route-requests.js';

/** Versions that are counted apart; beyond them all are counted together, as nobody's. */
const MAX_VERSIONS = 10_000;
/** Instances that are counted apart, of all versions together; beyond them only the version is. */
const MAX_INSTANCES = 10_000;
/** No name of an app begins like that. */
const OTHER = '_other';

export interface ServicePlace {
  namespace: string;
  app: string;
  service: string;
}

/** Whose requests are counted. Only names that the table knows may come in here: the client must not invent series. */
interface VersionPlace extends ServicePlace {
  /** Null: none was chosen. */
  version: number | null;
}

/** One series: the counters, and who they are of. */
export interface MeteredSeries extends VersionPlace {
  /** Null: the version as a whole. */
  readonly instance: string | null;
  /** Never given twice. */
  readonly id: number;
  readonly meter: Meter;
}

export interface VersionSeries extends MeteredSeries {
  /** It is not counted any more: whoever has kept it needs another one. */
  forgotten: boolean;
  readonly instances: Map<string, MeteredSeries>;
  readonly route: RouteLabels;
  /** What is shown of it to Prometheus. */
  readonly requests: RouteRequests;
}

/**
 * What this process has counted for the control plane: one meter for each version and one for each instance.
 */
export class TrafficMeters {
  /** What found no room. */
  readonly overflow: VersionSeries;
  readonly #byService = new Map<string, Map<string, Map<string, Map<number, VersionSeries>>>>();
  #versions = 0;
  #instances = 0;
  #nextId = 1;

  constructor(private readonly metrics: Pick<ProxyMetrics, 'requestsOf' | 'overflow'>) {
    const other = { namespace: OTHER, app: OTHER, service: OTHER };
    this.overflow = versionSeries(0, { ...other, version: null }, { ...other, version: OTHER }, metrics.overflow);
  }

  /** Nested maps instead of one with joined keys: joining costs more than looking four times. */
  versionOf({ namespace, app, service }: ServicePlace, version: number | null): VersionSeries {
    return (
      this.#byService
        .get(namespace)
        ?.get(app)
        ?.get(service)
        ?.get(version ?? 0) ?? this.#addVersion({ namespace, app, service, version })
    );
  }

  /** Null: there are too many. */
  instanceOf(version: VersionSeries, instance: string): MeteredSeries | null {
    return version.instances.get(instance) ?? this.#addInstance(version, instance);
  }

  /** Those of apps. */
  *versions(): Iterable<VersionSeries> {
    for (const apps of this.#byService.values())
      for (const services of apps.values()) for (const versions of services.values()) yield* versions.values();
  }

  /** Those of apps, versions and instances. */
  *all(): Iterable<MeteredSeries> {
    for (const version of this.versions()) {
      yield version;
      yield* version.instances.values();
    }
  }

  /** By what is shown of it. */
  *inFlight(): Iterable<{ requests: RouteRequests; inFlight: number }> {
    for (const { requests, meter } of this.versions()) yield { requests, inFlight: meter.inFlight };
    if (this.overflow.meter.inFlight > 0) yield { requests: this.overflow.requests, inFlight: this.overflow.meter.inFlight };
  }

  /** Gives up series that are idle; should requests come again, they are other ones. */
  forget(isIdle: (series: MeteredSeries) => boolean): void {
    for (const version of this.versions()) {
      for (const [instance, series] of version.instances) {
        if (series.meter.inFlight > 0 || !isIdle(series)) continue;
        version.instances.delete(instance);
        this.#instances -= 1;
      }
      if (version.instances.size > 0 || version.meter.inFlight > 0 || !isIdle(version)) continue;
      this.#byService
        .get(version.namespace)
        ?.get(version.app)
        ?.get(version.service)
        ?.delete(version.version ?? 0);
      version.forgotten = true;
      this.#versions -= 1;
    }
  }

  #addVersion(place: VersionPlace): VersionSeries {
    if (this.#versions >= MAX_VERSIONS) return this.overflow;
    this.#versions += 1;
    const { namespace, app, service, version } = place;
    const route = { namespace, app, service, version: version === null ? '' : String(version) };
    const series = versionSeries(this.#nextId++, place, route, this.metrics.requestsOf(route));
    const apps = obtain(this.#byService, namespace, () => new Map<string, Map<string, Map<number, VersionSeries>>>());
    const services = obtain(apps, app, () => new Map<string, Map<number, VersionSeries>>());
    obtain(services, service, () => new Map<number, VersionSeries>()).set(version ?? 0, series);
    return series;
  }

  #addInstance(of: VersionSeries, instance: string): MeteredSeries | null {
    const { namespace, app, service, version, instances } = of;
    if (this.#instances >= MAX_INSTANCES || of.id === 0) return null;
    this.#instances += 1;
    const series = { namespace, app, service, version, instance, id: this.#nextId++, meter: new Meter() };
    instances.set(instance, series);
    return series;
  }
}

function versionSeries(
  id: number,
  { namespace, app, service, version }: VersionPlace,
  route: RouteLabels,
  requests: RouteRequests,
): VersionSeries {
  return {
    namespace,
    app,
    service,
    version,
    instance: null,
    id,
    meter: new Meter(),
    instances: new Map(),
    route,
    requests,
    forgotten: false,
  };
}

export function toMeasuredSeries({ id, namespace, app, service, version, instance, meter }: MeteredSeries): MeasuredSeries {
  return { id, namespace, app, service, version, instance, inFlight: meter.inFlight, measures: meter.read() };
}

function obtain<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
