import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { Database } from '../../database/database.js';
import { migrateDatabase } from '../../database/migrate-database.js';
import { query } from '../../database/transaction.js';
import { FakePublishingClock } from '../../publishing/testing/fake-publishing-clock.js';
import { testConfig } from '../../testing/create-test-api.js';
import { eventually } from '../../testing/eventually.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { Traces } from '../../tracing/traces.js';
import { DeliveriesRepository } from '../deliveries.repository.js';
import type { Delivery, NewDelivery } from '../delivery.js';
import { DeliveryClock } from '../delivery-clock.js';
import { DeliveryWorker } from '../delivery-worker.js';
import type { FlowDelivery } from '../flow-delivery.js';
import { NotificationsRepository } from '../notifications.repository.js';
import { WebhookDelivery } from '../webhook-delivery.js';
import { WebhookSecretsRepository } from '../webhook-secrets.repository.js';

const silent = pino({ level: 'silent' });
const NO_FLOWS = { attempt: () => Promise.reject(new Error('there are no flows here')) } as unknown as FlowDelivery;

/** The time by which deliveries are due, which stands still until a test moves it. */
class FakeDeliveryClock extends DeliveryClock {
  ms = Date.parse('2026-11-26T12:00:00Z');

  override async nowMs(): Promise<number> {
    return this.ms;
  }
}

export interface Replica {
  worker: DeliveryWorker;
  database: Database;
  stop(): Promise<void>;
}

/** A database of its own, replicas that deliver from it, and a clock for all of them. Replicas look only when they are woken. */
export class DeliveryBench {
  readonly clock = new FakeDeliveryClock();
  readonly repository = new DeliveriesRepository();
  readonly notifications = new NotificationsRepository();
  readonly secrets = new WebhookSecretsRepository();
  private replicas: Replica[] = [];

  private constructor(
    private readonly database: TestDatabase,
    private readonly own: Database,
  ) {}

  static async create(): Promise<DeliveryBench> {
    const database = await createTestDatabase();
    await migrateDatabase(database.url);
    const own = new Database(database.url, silent, new Traces(null));
    await own.open();
    return new DeliveryBench(database, own);
  }

  get transactions() {
    return this.own.transactions;
  }

  async replica({ repository = this.repository, webhookHosts = [] as string[] } = {}): Promise<Replica> {
    const database = new Database(this.database.url, silent, new Traces(null));
    await database.open();
    const { transactions } = database;
    const config = { ...testConfig(this.database.url, ''), webhookHosts };
    const webhooks = new WebhookDelivery(transactions, this.notifications, this.secrets, config);
    const worker = new DeliveryWorker(transactions, repository, this.clock, webhooks, NO_FLOWS, new FakePublishingClock(), silent);
    let stopped: Promise<void> | null = null;
    const stop = async () => {
      await worker.onApplicationShutdown();
      await database.close();
    };
    const replica = { worker, database, stop: () => (stopped ??= stop()) };
    this.replicas.push(replica);
    return replica;
  }

  /** A delivery to `url`, of an occasion of its own. */
  async add(url: string, more: Partial<NewDelivery> = {}, timeoutMs = 5_000): Promise<string> {
    const deliveryId = randomUUID();
    const delivery: NewDelivery = {
      deliveryId,
      namespace: 'default',
      app: 'shop',
      version: 2,
      releaseId: randomUUID(),
      point: 'afterZeroing',
      notification: '',
      occasion: 1,
      position: 0,
      event: 'hook.after_zeroing',
      target: { type: 'webhook', url, timeoutMs },
      body: JSON.stringify({ deliveryId }),
      ...more,
    };
    await this.transactions.run((tx) => this.repository.add(tx, [delivery], this.clock.ms));
    return deliveryId;
  }

  async get(deliveryId: string): Promise<Delivery> {
    const found = await this.transactions.read((tx) => this.repository.find(tx, 'default', deliveryId));
    return found!;
  }

  /** Waits until the delivery has seen so many attempts to their end. */
  attempted(deliveryId: string, attempts: number): Promise<Delivery> {
    return eventually(async () => {
      const delivery = await this.get(deliveryId);
      expect(delivery.log).toHaveLength(attempts);
      return delivery;
    });
  }

  async reset(): Promise<void> {
    for (const { stop } of this.replicas.splice(0)) await stop();
    await this.transactions.run(async (tx) => {
      for (const table of ['deliveries', 'notifications', 'webhook_secrets']) await query(tx, `DELETE FROM ${table}`);
    });
  }

  async close(): Promise<void> {
    await this.reset();
    await this.own.close();
    await this.database.drop();
  }
}
