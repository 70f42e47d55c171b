import { Counter, Gauge, Registry } from 'prom-client';

/** Read at scrape time. */
export interface TableSources {
  seenRevision(): number | null;
  appliedRevision(): number | null;
  connected(): boolean;
  apps(): number;
  ageMs(): number;
}

/** What is measured of the routes, once for each proxy whatever its number of processes. */
export class TableMetrics {
  readonly registry = new Registry();
  readonly #rejections = new Counter({
    name: 'fabric_proxy_route_rejections_total',
    help: 'Route documents that were refused.',
    registers: [this.registry],
  });

  constructor(sources: TableSources) {
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers: [this.registry],
        collect() {
          this.set(read());
        },
      });
    gauge('fabric_proxy_table_apps', 'Apps in the table.', () => sources.apps());
    gauge(
      'fabric_proxy_table_revision',
      'Route revision up to which everything is applied; -1 without a table.',
      () => sources.appliedRevision() ?? -1,
    );
    gauge(
      'fabric_proxy_seen_revision',
      'Last route revision seen; above the table revision when a document was rejected.',
      () => sources.seenRevision() ?? -1,
    );
    gauge(
      'fabric_proxy_table_age_seconds',
      'Since the routes were last known to be those of the store, which is looked at every few seconds.',
      () => sources.ageMs() / 1_000,
    );
    gauge('fabric_proxy_bus_connected', '1 while the transport of routes is connected.', () => (sources.connected() ? 1 : 0));
  }

  rejection(): void {
    this.#rejections.inc();
  }
}
