import { noMeasures } from '@app-fabric/measurement';
import { parsePlan, type ReleaseAction, type ReleasePlan } from '@app-fabric/release';
import { pino } from 'pino';
import { AppsRepository } from '../../apps/apps.repository.js';
import { Database } from '../../database/database.js';
import { migrateDatabase } from '../../database/migrate-database.js';
import { query, type Transaction, Transactions } from '../../database/transaction.js';
import { DistributionRepository } from '../../distribution/distribution.repository.js';
import { DistributionWriter } from '../../distribution/distribution-writer.js';
import { ManualChanges } from '../../distribution/manual-changes.js';
import { DomainError } from '../../http/domain-error.js';
import { ObservationsRepository } from '../../measurements/observations.repository.js';
import type { Publisher } from '../../publishing/publisher.js';
import { RouteChanges } from '../../publishing/route-changes.js';
import { RouteOutboxRepository } from '../../publishing/route-outbox.repository.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { Traces } from '../../tracing/traces.js';
import type { Release, StoredEvent } from '../release.js';
import { ReleaseClock } from '../release-clock.js';
import { ReleaseEventsRepository } from '../release-events.repository.js';
import { ReleaseFreeze } from '../release-freeze.js';
import type { ReleaseHooks } from '../release-hooks.js';
import { ReleasePauser } from '../release-pauser.js';
import { ReleasePlansRepository } from '../release-plans.repository.js';
import { ReleasePlansService } from '../release-plans.service.js';
import { ReleaseSignals } from '../release-signals.js';
import { ReleaseStarter } from '../release-starter.js';
import { ReleaseStepper } from '../release-stepper.js';
import { ReleaseWorld } from '../release-world.js';
import { ReleaseWriter } from '../release-writer.js';
import { ReleasesRepository } from '../releases.repository.js';
import { ReleasesService } from '../releases.service.js';
import { CrashingTransactions } from './crashing-transactions.js';
import { FakePrograms } from './fake-programs.js';
import { NoReleaseHooks } from './no-release-hooks.js';

const SHOP = { namespace: 'default', app: 'shop' };
const ANY = { match: null, noneMatch: null } as const;
const NOTHING_RECORDED = new Traces(null);
const START_MS = Date.UTC(2026, 0, 1);

/** Time that stands still until a test moves it. */
class FakeReleaseClock extends ReleaseClock {
  now = START_MS;

  constructor() {
    super(new ReleasesRepository());
  }

  override async nowMs(): Promise<number> {
    return this.now;
  }
}

export class FakeFreeze extends ReleaseFreeze {
  why: string | null = null;

  async refusal(): Promise<string | null> {
    return this.why;
  }

  async check(): Promise<string | null> {
    if (this.why !== null) throw new DomainError('conflict', 'frozen', this.why);
    return null;
  }
}

/** What one replica has of releases. All of it is lost when it is killed. */
export class EngineReplica {
  readonly stepper: ReleaseStepper;
  readonly service: ReleasesService;
  readonly starter: ReleaseStarter;
  readonly manual = new ManualChanges();

  constructor(
    readonly transactions: Transactions,
    clock: ReleaseClock,
    freeze: FakeFreeze,
    hooks: ReleaseHooks,
    programs: FakePrograms,
  ) {
    const releases = new ReleasesRepository();
    const events = new ReleaseEventsRepository();
    const observations = new ObservationsRepository();
    const distributions = new DistributionRepository();
    const apps = new AppsRepository();
    const publisher = { wake: () => undefined } as Publisher;
    const routes = new RouteChanges(transactions, new RouteOutboxRepository(), publisher, NOTHING_RECORDED);
    const writes = new DistributionWriter(distributions, apps);
    const world = new ReleaseWorld(distributions, observations, programs, hooks, freeze);
    const writer = new ReleaseWriter(transactions, releases, events, observations, routes, writes, hooks, new ReleaseSignals(), clock);
    const plans = new ReleasePlansService(transactions, new ReleasePlansRepository());
    this.stepper = new ReleaseStepper(transactions, releases, routes, world, writer, programs, clock);
    this.service = new ReleasesService(transactions, apps, releases, events, routes, world, writer, freeze, clock);
    this.starter = new ReleaseStarter(transactions, routes, apps, distributions, releases, plans, programs, freeze, writer, clock);
    new ReleasePauser(this.manual, releases, world, writer, clock);
  }
}

/** An app whose version 1 has all traffic, with a database of its own, a clock, proxies and programs in the test's hand. */
export class ReleaseBench {
  readonly clock = new FakeReleaseClock();
  readonly freeze = new FakeFreeze();
  hooks: ReleaseHooks = new NoReleaseHooks();
  /** Instances of the candidate that have come up; null: as many as are wanted. */
  readyInstances: number | null = null;
  /** Happens once, in the middle of the next look: just before the programs are looked at. */
  meanwhile: (() => Promise<void>) | null = null;
  /** Requests that the distribution has sent to the candidate. */
  weighted = 0;
  /** What the proxies say of every change of routes. */
  applied = true;
  /** Of each version's requests: how many a second, and which share of them fails. */
  traffic: Record<number, { perSecond: number; failing: number }> = {};

  private constructor(
    private readonly server: TestDatabase,
    readonly database: Database,
  ) {}

  static async create(): Promise<ReleaseBench> {
    const server = await createTestDatabase();
    await migrateDatabase(server.url);
    const database = new Database(server.url, pino({ level: 'silent' }), NOTHING_RECORDED);
    await database.open();
    return new ReleaseBench(server, database);
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.server.drop();
  }

  /** Everything anew: versions 1 and 2 of the shop, both with a service that can be started; 1 runs with two instances. */
  async reset(): Promise<void> {
    this.clock.now = START_MS;
    this.applied = true;
    this.freeze.why = null;
    this.readyInstances = null;
    this.meanwhile = null;
    this.weighted = 0;
    this.hooks = new NoReleaseHooks();
    this.traffic = { 1: { perSecond: 100, failing: 0 }, 2: { perSecond: 100, failing: 0 } };
    await this.run(async (tx) => {
      await query(
        tx,
        'TRUNCATE namespaces, apps, artifact_versions, app_versions, releases, runs, distributions, distribution_history, route_outbox CASCADE',
      );
      await query(tx, 'UPDATE route_head SET revision = 0, published = 0');
      await query(tx, `INSERT INTO namespaces (name) VALUES ('default')`);
      await query(
        tx,
        `INSERT INTO artifact_versions (namespace, artifact, version, labels, programs) VALUES ('default', 'shop', '1.0.0', '{}', '[{"name":"cart","type":"service"}]')`,
      );
      await query(tx, `INSERT INTO apps (namespace, name) VALUES ('default', 'shop')`);
      for (const version of [1, 2])
        await query(
          tx,
          `INSERT INTO app_versions (namespace, app, version, artifact_name, artifact_version, created_by)
           VALUES ('default', 'shop', $1, 'shop', '1.0.0', 'test')`,
          [version],
        );
      await new DistributionRepository().store(
        tx,
        { ...SHOP, service: '' },
        new Map([[1, 10_000]]),
        { by: 'test', source: 'api', reason: null },
        1,
      );
    });
    await this.programs(this.database.transactions).carryOut(SHOP, 'none', [{ type: 'start', version: 1, service: 'cart', instances: 2 }]);
  }

  replica(transactions: Transactions = this.database.transactions): EngineReplica {
    return new EngineReplica(transactions, this.clock, this.freeze, this.hooks, this.programs(transactions));
  }

  crashing(): CrashingTransactions {
    return new CrashingTransactions(this.database.transactions);
  }

  async start(document: object): Promise<string> {
    const { plan } = parsePlan(document);
    return (
      await this.replica().starter.start({
        ...SHOP,
        candidate: 2,
        baseline: null,
        plan: plan as ReleasePlan,
        reason: null,
        by: 'ada',
        dryRun: false,
        freezeOverride: null,
      })
    ).id;
  }

  act(id: string, action: ReleaseAction): Promise<Release> {
    const request = { ...SHOP, id, action, reason: null, extendMs: null, by: 'ada', ifMatch: ANY, dryRun: false, freezeOverride: null };
    return this.replica().service.act(request);
  }

  get(id: string): Promise<Release> {
    return this.replica().service.get(SHOP, id);
  }

  async events(id: string): Promise<StoredEvent[]> {
    return (await this.replica().service.eventsAfter(SHOP, id, 0, 1_000)).events;
  }

  /** `1:95 2:5`, oldest first. */
  async weights(): Promise<string[]> {
    const rows = await this.run((tx) =>
      query<{ weights: Record<string, number> | null }>(tx, 'SELECT weights FROM distribution_history ORDER BY revision'),
    );
    return rows.map(({ weights }) =>
      Object.entries(weights ?? {})
        .map(([version, weight]) => `${version}:${weight / 100}`)
        .join(' '),
    );
  }

  /** Instances of each version that run. */
  async instances(): Promise<Record<string, number>> {
    const rows = await this.run((tx) =>
      query<{ version: number; count: number }>(
        tx,
        `SELECT version, sum(desired_instances)::integer AS count FROM runs WHERE status = 'RUNNING' GROUP BY 1`,
      ),
    );
    return Object.fromEntries(rows.map(({ version, count }) => [version, count]));
  }

  /** One look of a replica at the release, as its engine would. */
  async step(replica: EngineReplica, id: string): Promise<Release | null> {
    const current = await this.run((tx) => new DistributionRepository().current(tx, { ...SHOP, service: '' }));
    return replica.stepper.step(id, { routeRevision: current?.routeRevision ?? 0, complete: this.applied });
  }

  /** Time passes with traffic in it. */
  async pass(seconds: number): Promise<void> {
    this.clock.now += seconds * 1_000;
    await this.run(async (tx) => {
      const observations = new ObservationsRepository();
      for (const observation of (await observations.lockOf(tx, [SHOP])).values()) {
        const { perSecond = 0, failing = 0 } = this.traffic[observation.version] ?? {};
        const { measures } = observation;
        const requests = perSecond * seconds;
        const failed = Math.round(requests * failing);
        measures.status = measures.status.map((count, index) => count + (index === 5 ? failed : index === 2 ? requests - failed : 0));
        measures.errors += failed;
        if (observation.version === 2) measures.weighted = this.weighted;
        await observations.save(tx, [{ ...observation, measures }]);
      }
    });
  }

  /** Somebody, or another replica, starts the candidate. */
  startCandidate(): Promise<void> {
    return this.programs(this.database.transactions).carryOut(SHOP, 'none', [{ type: 'start', version: 2, service: 'cart', instances: 1 }]);
  }

  /** The candidate's service ends by itself. */
  failCandidate(): Promise<void> {
    const programs = this.programs(this.database.transactions);
    return this.run(async (tx) => {
      const [standing] = await programs.standings(tx, SHOP, 2);
      await programs.end(tx, standing!.run!, 'FAILED');
    });
  }

  /** Somebody changes the weights of the app, or those that a service has of its own, by hand. */
  changeByHand(weights: Record<string, number>, service = ''): Promise<void> {
    const { manual } = this.replica();
    return this.run(async (tx) => {
      await this.store(tx, weights, service);
      await manual.tell(tx, { ...SHOP, version: null, what: 'change of the weights by bob' });
    });
  }

  /** The service has weights of its own. */
  override(service: string, weights: Record<string, number>): Promise<void> {
    return this.run((tx) => this.store(tx, weights, service));
  }

  /** What the service follows instead of the app's weights; null: nothing. */
  overrideOf(service: string): Promise<Record<string, number> | null> {
    return this.run(async (tx) => {
      const { overrides } = await new DistributionRepository().view(tx, SHOP.namespace, SHOP.app);
      const own = overrides.get(service);
      return own ? Object.fromEntries([...own].map(([version, weightBp]) => [version, weightBp / 100])) : null;
    });
  }

  /** As if it had been counted all the time. */
  async measured(fromMs: number, toMs: number): Promise<void> {
    await this.run((tx) =>
      query(
        tx,
        `INSERT INTO measurements (namespace, app, resolution, at_ms, service, version, instance, measures)
         SELECT 'default', 'shop', 10, at_ms, 'cart', 2, '', $3 FROM generate_series($1::bigint, $2::bigint, 10000) AS r(at_ms)
         ON CONFLICT DO NOTHING`,
        [fromMs, toMs, JSON.stringify(noMeasures())],
      ),
    );
  }

  private programs(transactions: Transactions): FakePrograms {
    const meanwhile = async () => {
      const happens = this.meanwhile;
      this.meanwhile = null;
      await happens?.();
    };
    return new FakePrograms(transactions, this.clock, (version) => (version === 2 ? this.readyInstances : null), meanwhile);
  }

  private async store(tx: Transaction, weights: Record<string, number>, service: string): Promise<void> {
    const inBp = new Map(Object.entries(weights).map(([version, weight]) => [Number(version), weight * 100]));
    await new DistributionRepository().store(tx, { ...SHOP, service }, inBp, { by: 'bob', source: 'api', reason: null }, 1_000);
  }

  private run<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.database.transactions.run(work);
  }
}
