import type { PublisherBus } from '@app-fabric/bus';
import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import { ProxyRegistry } from '../publishing/proxy-registry.js';
import { BUS } from '../tokens.js';
import { type Shown, showGauge } from './gauge.js';
import { Metrics } from './metrics.js';
import { SharedLook } from './shared-look.js';
import { StateRepository, type StoredState } from './state.repository.js';

const KEEP_MS = 1_000;
/** Less than a scrape may take: with the database away the rest is still shown. */
const PATIENCE_MS = 2_000;

/** Shows what this replica sees at the moment of a scrape: of the database, the bus and the proxies. What cannot be seen now is left out. */
@Injectable()
export class StateMetrics {
  private readonly state: SharedLook<StoredState>;

  constructor(
    private readonly metrics: Metrics,
    private readonly database: Database,
    private readonly proxies: ProxyRegistry,
    repository: StateRepository,
    @Inject(BUS) private readonly bus: PublisherBus,
  ) {
    const look = () => database.transactions.snapshot((tx) => repository.read(tx));
    this.state = new SharedLook(look, { keepMs: KEEP_MS, patienceMs: PATIENCE_MS, nowMs: () => performance.now() });
    this.showDependencies();
    this.showRoutes();
    this.showProxies();
  }

  private showDependencies(): void {
    this.gauge('fabric_bus_connected', '1 while the transport of routes is connected.', [], () => [{ value: this.bus.connected ? 1 : 0 }]);
    this.gauge('fabric_database_up', '1 while the database answers.', [], async () => [
      { value: (await this.state.get()) === null ? 0 : 1 },
    ]);
    const pool = ['db_client_connection_pool_name'];
    const name = { db_client_connection_pool_name: 'app-fabric' };
    const state = (state: string) => ({ ...name, db_client_connection_state: state });
    this.gauge('db_client_connection_count', 'Connections to the database.', [...pool, 'db_client_connection_state'], () => {
      const { idle, used } = this.database.pool;
      return [
        { labels: state('idle'), value: idle },
        { labels: state('used'), value: used },
      ];
    });
    this.gauge('db_client_connection_max', 'Connections that there may be.', pool, () => [{ labels: name, value: this.database.pool.max }]);
    this.gauge('db_client_connection_pending_requests', 'Who waits for a connection.', pool, () => [
      { labels: name, value: this.database.pool.pending },
    ]);
  }

  private showRoutes(): void {
    this.stored('fabric_route_revision', 'The newest committed change of routes.', [], ({ revision }) => [{ value: revision }]);
    this.stored('fabric_published_revision', 'The newest change that is known to be on the bus.', [], ({ published }) => [
      { value: published },
    ]);
    this.stored('fabric_outbox_pending_changes', 'Committed changes that are not on the bus yet.', [], ({ revision, published }) => [
      { value: Math.max(0, revision - published) },
    ]);
    this.stored('fabric_outbox_lag_seconds', 'For how long the oldest of them has waited; 0: there is none.', [], (state) => [
      { value: state.outboxLagSeconds },
    ]);
    this.stored('fabric_runs', 'Runs that have not ended.', ['type', 'status'], ({ runs }) =>
      runs.map(({ type, status, count }) => ({ labels: { type, status }, value: count })),
    );
    const scope = ['namespace', 'app', 'service'];
    this.stored(
      'fabric_distribution_weight_ratio',
      'Share of the traffic that a version is meant to have, 0 to 1; service: empty for the app’s own distribution.',
      [...scope, 'version'],
      ({ distributions }) =>
        distributions.flatMap(({ namespace, app, service, weights }) =>
          Object.entries(weights).map(([version, weight]) => ({ labels: { namespace, app, service, version }, value: weight / 10_000 })),
        ),
    );
    this.stored('fabric_distribution_zeroed', '1 where the last change of a distribution took a version’s share away.', scope, (state) =>
      state.distributions.map(({ namespace, app, service, source }) => ({
        labels: { namespace, app, service },
        value: source === 'zero' ? 1 : 0,
      })),
    );
  }

  private showProxies(): void {
    const reports = () => this.proxies.reports();
    this.gauge('fabric_proxies', 'Proxies that report.', [], () => [{ value: reports().length }]);
    this.stored('fabric_proxies_behind', 'Of them, those that have not applied every published change.', [], ({ published }) => [
      { value: reports().filter(({ applied }) => (applied?.revision ?? -1) < published).length },
    ]);
    this.gauge('fabric_proxies_rejecting', 'Of them, those that have refused a document of an app that they still have to get.', [], () => [
      { value: reports().filter(({ rejected }) => rejected.length > 0).length },
    ]);
  }

  private stored(name: string, help: string, labelNames: readonly string[], read: (state: StoredState) => Shown[]): void {
    this.gauge(name, help, labelNames, async () => {
      const state = await this.state.get();
      return state === null ? [] : read(state);
    });
  }

  private gauge(name: string, help: string, labelNames: readonly string[], read: () => Shown[] | Promise<Shown[]>): void {
    showGauge(this.metrics.registry, { name, help, labelNames }, read);
  }
}
