import type { Weights } from '@app-fabric/routing';
import { Injectable } from '@nestjs/common';
import { type Transaction, Transactions } from '../database/transaction.js';
import type { DistributionChanges } from '../distribution/distribution-rules.js';
import { DistributionWriter } from '../distribution/distribution-writer.js';
import { ManualChanges } from '../distribution/manual-changes.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, type IfMatch } from '../http/etag.js';
import { RouteChanges } from '../publishing/route-changes.js';
import { ProgramsService } from './programs.service.js';
import { isActive, type ProgramRef, type ProgramType, type Run } from './run.js';
import { alreadyRunning, RunStarter, type StartAuthor } from './run-starter.js';
import { RunSupervisor } from './run-supervisor.js';
import { RunsRepository } from './runs.repository.js';

/** `{ns}/{app}/{v}` of a path; `version` is a number or an alias. */
export interface VersionPath {
  namespace: string;
  app: string;
  version: string;
}

export interface StopOptions {
  /** How long requests in flight may take to end. */
  drainSeconds: number;
  /** Where the share goes, instead of to the others in proportion. */
  reallocate: Weights | null;
  ifMatch: IfMatch;
  by: string;
  dryRun: boolean;
  /** A release does it, so no release has to be told. */
  forRelease?: boolean;
}

export interface Stopped {
  runs: Run[];
  /** What became of the weights, by scope (`''`: the app's own). */
  distributions: DistributionChanges;
}

/** Starts, stops and scales programs: writes what is wanted; the supervisor brings it about. */
@Injectable()
export class LifecycleService {
  constructor(
    private readonly transactions: Transactions,
    private readonly programs: ProgramsService,
    private readonly runs: RunsRepository,
    private readonly routes: RouteChanges,
    private readonly distributions: DistributionWriter,
    private readonly starter: RunStarter,
    private readonly supervisor: RunSupervisor,
    private readonly manual: ManualChanges,
  ) {}

  /** `author` null: the control plane itself. 409 already_running, running_in_other_version, bundle_missing, no_host, frozen. */
  async start(
    path: VersionPath,
    type: ProgramType,
    name: string,
    instances: number | null,
    ifMatch: IfMatch,
    author: StartAuthor | null,
  ): Promise<Run> {
    const run = await this.transactions.run(async (tx) => {
      const program = await this.programs.require(tx, path.namespace, path.app, path.version, type, name);
      const active = await this.runs.active(tx, program.ref);
      checkIfMatch(ifMatch, active && runEtag(active));
      if (active) throw alreadyRunning(active);
      return this.starter.start(tx, program, instances, author);
    });
    this.supervisor.wake();
    return run;
  }

  /** All programs of these types that do not run yet; all or none of them. 409 already_running when nothing is left to start. */
  async startAll(path: VersionPath, types: readonly ProgramType[], ifMatch: IfMatch, author: StartAuthor): Promise<Run[]> {
    return this.transactions.run(async (tx) => {
      checkIfMatch(ifMatch, await this.programs.versionEtag(tx, path));
      return this.startAllIn(tx, path, types, author);
    });
  }

  /** The same as part of something else. */
  async startAllIn(tx: Transaction, path: VersionPath, types: readonly ProgramType[], author: StartAuthor): Promise<Run[]> {
    const all = await this.programs.programsOf(tx, path.namespace, path.app, path.version);
    const programs = all.filter(({ ref }) => types.includes(ref.type));
    const runs: Run[] = [];
    for (const program of programs)
      if (!(await this.runs.active(tx, program.ref))) runs.push(await this.starter.start(tx, program, null, author));
    if (runs.length === 0) {
      throw new DomainError(
        'conflict',
        programs.length > 0 ? 'already_running' : 'nothing_to_start',
        `No ${types.join(', ')} of version ${path.version} is left to start.`,
      );
    }
    this.transactions.afterCommit(tx, () => this.supervisor.wake());
    return runs;
  }

  /** 409 not_running, no_weight_to_take_over, version_not_running (of `reallocate`). */
  stop(path: VersionPath, type: ProgramType, name: string, options: StopOptions): Promise<Stopped> {
    return this.stopRuns(options, async (tx) => {
      const { ref } = await this.programs.require(tx, path.namespace, path.app, path.version, type, name);
      const run = await this.lockActive(tx, ref);
      checkIfMatch(options.ifMatch, run && runEtag(run));
      if (!run || run.status === 'STOPPING')
        throw new DomainError(
          'conflict',
          'not_running',
          `${type} ${name} of version ${path.version} ${run ? 'is stopping already' : 'does not run'}.`,
        );
      return [run];
    });
  }

  stopAll(path: VersionPath, types: readonly ProgramType[], options: StopOptions): Promise<Stopped> {
    return this.stopRuns(options, async (tx) => {
      const programs = (await this.programs.programsOf(tx, path.namespace, path.app, path.version)).filter(({ ref }) =>
        types.includes(ref.type),
      );
      checkIfMatch(options.ifMatch, await this.programs.versionEtag(tx, path));
      const runs: Run[] = [];
      for (const { ref } of programs) {
        const run = await this.lockActive(tx, ref);
        if (run && run.status !== 'STOPPING') runs.push(run);
      }
      if (runs.length === 0) throw new DomainError('conflict', 'not_running', `No ${types.join(', ')} of version ${path.version} runs.`);
      return runs;
    });
  }

  /** How many instances there should be. 409 not_running; instances_external when they run elsewhere. */
  async scale(path: VersionPath, type: ProgramType, name: string, count: number, ifMatch: IfMatch): Promise<Run> {
    const run = await this.transactions.run(async (tx) => {
      const { ref } = await this.programs.require(tx, path.namespace, path.app, path.version, type, name);
      const locked = await this.lockActive(tx, ref);
      if (!locked || locked.status === 'STOPPING')
        throw new DomainError('conflict', 'not_running', `${type} ${name} of version ${path.version} does not run.`);
      checkIfMatch(ifMatch, runEtag(locked));
      if (locked.hostId === null) {
        throw new DomainError(
          'conflict',
          'instances_external',
          `The instances of ${name} run elsewhere: register or remove them one by one.`,
        );
      }
      await this.runs.update(tx, locked.runId, { desiredInstances: count });
      await this.runs.tell(tx, locked.runId);
      return (await this.runs.find(tx, locked.runId))!;
    });
    this.supervisor.wake();
    return run;
  }

  /** The program's active run, which nobody else can change until the transaction ends: it may fail by itself at any moment. */
  private async lockActive(tx: Transaction, ref: ProgramRef): Promise<Run | null> {
    const active = await this.runs.active(tx, ref);
    const run = active && (await this.runs.find(tx, active.runId, true));
    return run && isActive(run.status) ? run : null;
  }

  private async stopRuns(options: StopOptions, choose: (tx: Transaction) => Promise<Run[]>): Promise<Stopped> {
    const stopped = await this.transactions.run(async (tx) => {
      if (!options.dryRun) await this.routes.lock(tx);
      const runs = await choose(tx);
      const { namespace, app, version } = runs[0]!.program;
      const services = runs
        .filter(({ program, status }) => program.type === 'service' && status === 'RUNNING')
        .map(({ program }) => program.name);
      const distributions: DistributionChanges =
        services.length > 0 ? await this.distributions.planStop(tx, { namespace, app, version }, services, options.reallocate) : new Map();
      if (options.dryRun)
        return { runs: runs.map((run): Run => ({ ...run, status: 'STOPPING', drainSeconds: options.drainSeconds })), distributions };

      let routeRevision: number | null = null;
      if (services.length > 0) {
        routeRevision = await this.routes.commit(tx, namespace, app);
        const reason = `stopped ${services.join(', ')} of version ${version}`;
        await this.distributions.apply(tx, { namespace, app }, distributions, { by: options.by, source: 'stop', reason }, routeRevision);
        if (!options.forRelease)
          await this.manual.tell(tx, { namespace, app, version, what: `version ${version} was stopped by ${options.by}` });
      }
      const after: Run[] = [];
      for (const { runId } of runs) {
        await this.runs.unroute(tx, runId);
        await this.runs.update(tx, runId, {
          status: 'STOPPING',
          stoppingAt: new Date(),
          drainSeconds: options.drainSeconds,
          ...(routeRevision === null ? {} : { routeRevision }),
        });
        await this.runs.tell(tx, runId);
        after.push((await this.runs.find(tx, runId))!);
      }
      return { runs: after, distributions };
    });
    if (!options.dryRun) this.supervisor.wake();
    return stopped;
  }
}

export function runEtag(run: Run): string {
  return `"${run.revision}"`;
}
