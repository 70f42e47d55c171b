import type { PublisherBus } from '@app-fabric/bus';
import { pino } from 'pino';
import { Database } from '../../database/database.js';
import { migrateDatabase } from '../../database/migrate-database.js';
import { Notifications } from '../../database/notifications.js';
import { query, type Transaction } from '../../database/transaction.js';
import { testConfig } from '../../testing/create-test-api.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { Traces } from '../../tracing/traces.js';
import { LeaseRepository } from '../lease.repository.js';
import { Publisher } from '../publisher.js';
import { RouteChanges } from '../route-changes.js';
import { RouteDocumentRepository } from '../route-document.repository.js';
import { RouteOutboxRepository } from '../route-outbox.repository.js';
import { FakePublishingClock } from './fake-publishing-clock.js';

const silent = pino({ level: 'silent' });
const NOTHING_RECORDED = new Traces(null);

/** What one replica of the API has of publishing, on a database connection of its own. */
export class Replica {
  readonly clock = new FakePublishingClock();
  readonly outbox = new RouteOutboxRepository();
  readonly publisher: Publisher;
  readonly routes: RouteChanges;

  constructor(
    readonly database: Database,
    private readonly notifications: Notifications,
    readonly bus: PublisherBus,
    private readonly listens: boolean,
    traces: Traces,
  ) {
    const { transactions } = database;
    this.publisher = new Publisher(
      transactions,
      this.outbox,
      new RouteDocumentRepository(),
      new LeaseRepository(),
      notifications,
      bus,
      silent,
      this.clock,
      traces,
    );
    this.routes = new RouteChanges(transactions, this.outbox, this.publisher, traces);
  }

  start(): void {
    if (this.listens) this.notifications.onApplicationBootstrap();
    this.publisher.onApplicationBootstrap();
  }

  /**
   * Changes an app's routes: makes it when it is not there, and writes the revision into its document (as the name of the affinity
   * header), so that one sees from when a document is. `meanwhile` runs in the transaction, after that.
   */
  change(app: string, meanwhile: (tx: Transaction) => Promise<void> = async () => undefined): Promise<number> {
    return this.database.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      const revision = await this.routes.commit(tx, 'default', app);
      await query(
        tx,
        `INSERT INTO apps (namespace, name, affinity) VALUES ('default', $1, $2) ON CONFLICT (namespace, name) DO UPDATE SET affinity = $2`,
        [app, JSON.stringify({ by: 'header', name: `r${revision}` })],
      );
      await meanwhile(tx);
      return revision;
    });
  }

  remove(app: string): Promise<number> {
    return this.database.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      await query(tx, `DELETE FROM apps WHERE namespace = 'default' AND name = $1`, [app]);
      return this.routes.commit(tx, 'default', app);
    });
  }

  async endPublishing(): Promise<void> {
    await this.publisher.onApplicationShutdown(); // also when it was not started: a commit has woken it
    await this.notifications.onApplicationShutdown();
  }
}

/** A database of its own and replicas on it. */
export class PublishingBench {
  private replicas: Replica[] = [];

  private constructor(private readonly database: TestDatabase) {}

  static async create(): Promise<PublishingBench> {
    const database = await createTestDatabase();
    await migrateDatabase(database.url);
    return new PublishingBench(database);
  }

  /** Not started. With `listens` it hears by NOTIFY of the commits of others; without, every NOTIFY is lost on it. */
  async replica(bus: PublisherBus, { listens = false, traces = NOTHING_RECORDED } = {}): Promise<Replica> {
    const database = new Database(this.database.url, silent, NOTHING_RECORDED);
    await database.open();
    const replica = new Replica(database, new Notifications(testConfig(this.database.url, ''), silent), bus, listens, traces);
    this.replicas.push(replica);
    return replica;
  }

  /** As somebody who works on the database by hand. */
  async sql<Row>(text: string, values: unknown[] = []): Promise<Row[]> {
    const [replica] = this.replicas;
    return replica!.database.transactions.run((tx) => query<Row>(tx, text, values));
  }

  /** The holder of the lease was not heard of for too long. */
  async expireLease(): Promise<void> {
    await this.sql(`UPDATE leases SET expires_at = clock_timestamp() - interval '1 second'`);
  }

  async head(): Promise<{ epoch: string; revision: number; published: number; kept: number }> {
    const [row] = await this.sql<{ epoch: string; revision: string; published: string; kept: string }>(
      'SELECT epoch, revision, published, (SELECT count(*) FROM route_outbox) AS kept FROM route_head',
    );
    return { epoch: row!.epoch, revision: Number(row!.revision), published: Number(row!.published), kept: Number(row!.kept) };
  }

  /** Ends the replicas, and puts the database back to where nothing was ever published. */
  async reset(): Promise<void> {
    if (this.replicas.length === 0) return;
    for (const replica of this.replicas) await replica.endPublishing();
    await this.sql('TRUNCATE namespaces, apps, route_outbox, leases CASCADE');
    await this.sql(`INSERT INTO namespaces (name) VALUES ('default')`);
    await this.sql('UPDATE route_head SET epoch = gen_random_uuid(), revision = 0, published = 0');
    for (const replica of this.replicas) await replica.database.close();
    this.replicas = [];
  }

  async close(): Promise<void> {
    await this.reset();
    await this.database.drop();
  }
}
