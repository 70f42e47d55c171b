import { randomBytes, randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DistributionWriter } from '../distribution/distribution-writer.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, etagOf, type IfMatch } from '../http/etag.js';
import { LeaseRepository } from '../publishing/lease.repository.js';
import { Propagation } from '../publishing/propagation.js';
import { RouteChanges } from '../publishing/route-changes.js';
import { LOGGER } from '../tokens.js';
import type { VersionPath } from './lifecycle.service.js';
import { ProgramsService } from './programs.service.js';
import type { ProgramRef, Run, RunInstance } from './run.js';
import { RunsRepository } from './runs.repository.js';

const LEASE = 'instance-expiry';
const LEASE_SECONDS = 10;
const SWEEP_MS = 1_000;
const BATCH = 200;
const MAX_INSTANCES = 1_000;

/** What somebody says of an instance that runs elsewhere. */
export interface Registration {
  instanceId: string;
  url: string;
  ttlSeconds: number;
}

interface Registered {
  runId: string;
  created: boolean;
  /** The newest change of routes that the run has caused. */
  routeRevision: number | null;
}

/** Instances that run elsewhere: registered by URL, kept by a heartbeat, gone when it stays away. */
@Injectable()
export class RegisteredInstancesService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly holder = randomBytes(8).toString('hex');
  private timer: NodeJS.Timeout | null = null;
  private sweeping: Promise<void> | null = null;
  /** Since when heartbeats could be received without a break: an outage of ours is not taken for theirs. */
  private healthySinceMs = performance.now();

  constructor(
    private readonly transactions: Transactions,
    private readonly programs: ProgramsService,
    private readonly runs: RunsRepository,
    private readonly routes: RouteChanges,
    private readonly distributions: DistributionWriter,
    private readonly leases: LeaseRepository,
    private readonly propagation: Propagation,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.sweeping ??= this.sweep().finally(() => {
        this.sweeping = null;
      });
    }, SWEEP_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    await this.sweeping;
  }

  /**
   * Registers the instance, or notes its heartbeat. The first one starts the run; after an explicit stop only a start does:
   * 409 version_not_running, so that a late heartbeat cannot bring a stopped version back.
   */
  async put(
    path: VersionPath,
    service: string,
    wanted: Registration,
    ifMatch: IfMatch,
    waitMs: number,
  ): Promise<{ instance: RunInstance; created: boolean }> {
    const { runId, created, routeRevision } =
      (await this.beat(path, service, wanted, ifMatch)) ?? (await this.register(path, service, wanted, ifMatch));
    if (routeRevision !== null) await this.propagation.waitFor({ routeRevision, namespace: path.namespace, app: path.app }, waitMs);
    return { instance: await this.find(runId, wanted.instanceId), created };
  }

  /** A heartbeat of an instance that is in the routes already; null when it is not one. Leaves the routes and their lock alone. */
  private beat(
    path: VersionPath,
    service: string,
    { instanceId, url, ttlSeconds }: Registration,
    ifMatch: IfMatch,
  ): Promise<Registered | null> {
    return this.transactions.run(async (tx) => {
      const { ref } = await this.programs.require(tx, path.namespace, path.app, path.version, 'service', service);
      const run = await this.runs.active(tx, ref);
      if (run?.status !== 'RUNNING') return null;
      if (ifMatch.match !== null || ifMatch.noneMatch !== null) {
        await this.runs.find(tx, run.runId, true); // of two with the same tag one comes second, and sees what the first has done
        const before = (await this.runs.instances(tx, [run.runId])).find((instance) => instance.instanceId === instanceId);
        checkIfMatch(ifMatch, before ? instanceEtag(before) : null);
      }
      const isKnown = await this.runs.beat(tx, run.runId, instanceId, url, ttlSeconds);
      return isKnown ? { runId: run.runId, created: false, routeRevision: run.routeRevision } : null;
    });
  }

  private register(path: VersionPath, service: string, wanted: Registration, ifMatch: IfMatch): Promise<Registered> {
    const { instanceId } = wanted;
    return this.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      const { ref } = await this.programs.require(tx, path.namespace, path.app, path.version, 'service', service);
      const run = await this.activeRun(tx, ref);
      const instances = await this.runs.instances(tx, [run.runId]);
      const before = instances.find((instance) => instance.instanceId === instanceId);
      checkIfMatch(ifMatch, before ? instanceEtag(before) : null);
      if (before?.ttlSeconds === null)
        throw new DomainError('conflict', 'instance_id_taken', `${instanceId} is an instance that the control plane itself has started.`);
      if (!before && instances.length >= MAX_INSTANCES)
        throw new DomainError('conflict', 'too_many_instances', `${service} has ${MAX_INSTANCES} instances already.`);
      const routeRevision = await this.routes.commit(tx, ref.namespace, ref.app);
      if (run.status !== 'RUNNING') await this.distributions.noteRunning(tx, ref, routeRevision);
      const next = registered(run.runId, wanted, before);
      if (before && before.uid !== next.uid) await this.runs.deleteInstance(tx, before.uid);
      await this.runs.saveInstance(tx, next);
      await this.runs.update(tx, run.runId, {
        routeRevision,
        ...(run.status === 'RUNNING' ? {} : { status: 'RUNNING' as const, startedAt: new Date() }),
        ...(run.hostId === null ? { desiredInstances: instances.length + (before ? 0 : 1) } : {}),
      });
      return { runId: run.runId, created: !before, routeRevision };
    });
  }

  /** Takes the instance out of the routes; with `waitMs` answers when the proxies have it. 404 instance_not_found. */
  async remove(path: VersionPath, service: string, instanceId: string, ifMatch: IfMatch, waitMs: number): Promise<void> {
    const routeRevision = await this.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      const { ref } = await this.programs.require(tx, path.namespace, path.app, path.version, 'service', service);
      const run = await this.runs.active(tx, ref);
      const instance =
        run && (await this.runs.instances(tx, [run.runId])).find((one) => one.instanceId === instanceId && one.ttlSeconds !== null);
      if (!run || !instance)
        throw new DomainError('not_found', 'instance_not_found', `${service} has no registered instance ${instanceId}.`);
      checkIfMatch(ifMatch, instanceEtag(instance));
      return this.takeOut(tx, run, [instance]);
    });
    await this.propagation.waitFor({ routeRevision, namespace: path.namespace, app: path.app }, waitMs);
  }

  private async activeRun(tx: Transaction, ref: ProgramRef): Promise<Run> {
    const active = await this.runs.active(tx, ref);
    if (active?.status === 'STOPPING') throw notRunning(ref);
    if (active) return active;
    if (await this.runs.latest(tx, ref)) throw notRunning(ref);
    const runId = randomUUID();
    await this.runs.insert(tx, { runId, program: ref, hostId: null, status: 'PENDING', desiredInstances: 0 });
    return (await this.runs.find(tx, runId))!;
  }

  private async takeOut(tx: Transaction, run: Run, instances: readonly RunInstance[]): Promise<number> {
    for (const { uid } of instances) await this.runs.deleteInstance(tx, uid);
    const routeRevision = await this.routes.commit(tx, run.program.namespace, run.program.app);
    await this.runs.update(tx, run.runId, {
      routeRevision,
      ...(run.hostId === null ? { desiredInstances: Math.max(0, run.desiredInstances - instances.length) } : {}),
    });
    return routeRevision;
  }

  private find(runId: string, instanceId: string): Promise<RunInstance> {
    return this.transactions.read(async (tx) => {
      const instance = (await this.runs.instances(tx, [runId])).find((one) => one.instanceId === instanceId);
      if (!instance) throw new DomainError('not_found', 'instance_not_found', `Instance ${instanceId} was removed just now.`);
      return instance;
    });
  }

  private async sweep(): Promise<void> {
    try {
      const overdue = await this.transactions.run(async (tx) =>
        (await this.leases.hold(tx, LEASE, this.holder, LEASE_SECONDS)) ? this.runs.expired(tx, BATCH) : [],
      );
      const healthyMs = performance.now() - this.healthySinceMs;
      const gone = overdue.filter(({ ttlSeconds }) => healthyMs > (ttlSeconds ?? 0) * 1000);
      for (const runId of new Set(gone.map((instance) => instance.runId))) await this.expire(runId);
    } catch (error) {
      this.healthySinceMs = performance.now();
      this.logger.warn({ err: error }, 'overdue instances cannot be looked for now');
    }
  }

  private expire(runId: string): Promise<void> {
    return this.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      const run = await this.runs.find(tx, runId, true);
      const overdue = (await this.runs.expired(tx, BATCH)).filter((instance) => instance.runId === runId);
      if (!run || overdue.length === 0) return;
      this.logger.warn({ runId, instances: overdue.map(({ instanceId }) => instanceId) }, 'instances without a heartbeat leave the routes');
      await this.takeOut(tx, run, overdue);
    });
  }
}

/** The strong ETag of an instance: of all that a registration or heartbeat may change. */
export function instanceEtag({ uid, ttlSeconds, expiresAt }: RunInstance): string {
  return etagOf(`${uid}.${ttlSeconds}.${expiresAt?.getTime()}`);
}

function registered(runId: string, { instanceId, url, ttlSeconds }: Registration, before: RunInstance | undefined): RunInstance {
  // Another URL is another instance to the proxies: a new uid keeps their connections and counts apart.
  const uid = before && before.url === url ? before.uid : randomBytes(8).toString('hex');
  return {
    uid,
    runId,
    instanceId,
    ordinal: 0,
    url,
    status: 'RUNNING',
    startedAt: before?.startedAt ?? new Date(),
    restarts: 0,
    routable: true,
    ttlSeconds,
    expiresAt: null,
    leaving: null,
  };
}

function notRunning(ref: ProgramRef): DomainError {
  return new DomainError(
    'conflict',
    'version_not_running',
    `${ref.name} of version ${ref.version} was stopped; start it before instances register again.`,
  );
}
