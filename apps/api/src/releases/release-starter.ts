import { randomUUID } from 'node:crypto';
import { type ReleasePlan, startRelease } from '@app-fabric/release';
import type { Weights } from '@app-fabric/routing';
import { Injectable } from '@nestjs/common';
import { AppsRepository } from '../apps/apps.repository.js';
import { requireApp } from '../apps/apps.service.js';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DistributionRepository } from '../distribution/distribution.repository.js';
import { requireKnownVersions } from '../distribution/distribution-writer.js';
import { DomainError } from '../http/domain-error.js';
import { RouteChanges } from '../publishing/route-changes.js';
import type { AppRef, Release, ReleaseBase } from './release.js';
import { ReleaseClock } from './release-clock.js';
import { ReleaseFreeze } from './release-freeze.js';
import { activeRun, instancesOf, taking } from './release-orders.js';
import { ReleasePlansService } from './release-plans.service.js';
import { ReleasePrograms } from './release-programs.js';
import { ReleaseWriter } from './release-writer.js';
import { ReleasesRepository } from './releases.repository.js';

export interface StartRequest extends AppRef {
  candidate: number;
  /** Null: the version that has the most traffic. */
  baseline: number | null;
  plan: string | ReleasePlan;
  reason: string | null;
  by: string;
  dryRun: boolean;
  freezeOverride: string | null;
  /** The candidate's services may come to run later, also where they cannot be started from here: the release waits for them. */
  awaitsCandidate?: boolean;
}

/** Begins releases. */
@Injectable()
export class ReleaseStarter {
  constructor(
    private readonly transactions: Transactions,
    private readonly routes: RouteChanges,
    private readonly apps: AppsRepository,
    private readonly distributions: DistributionRepository,
    private readonly releases: ReleasesRepository,
    private readonly plans: ReleasePlansService,
    private readonly programs: ReleasePrograms,
    private readonly freeze: ReleaseFreeze,
    private readonly writer: ReleaseWriter,
    private readonly clock: ReleaseClock,
  ) {}

  /**
   * 404 app_not_found; 422 unknown_version, unknown_plan, candidate_is_baseline; 409 release_active, no_baseline, baseline_without_traffic,
   * candidate_in_override, baseline_not_running, candidate_not_running, frozen. What it finds holds until it has begun: it is under the route lock.
   */
  start(request: StartRequest): Promise<Release> {
    return this.transactions.run(async (tx) => {
      if (!request.dryRun) await this.routes.lock(tx);
      return this.startUnderLock(tx, request);
    });
  }

  /** The same as part of something else, which holds the route lock. */
  async startUnderLock(tx: Transaction, request: StartRequest): Promise<Release> {
    await requireApp(tx, this.apps, request.namespace, request.app);
    await requireKnownVersions(tx, this.apps, request, [request.candidate, ...(request.baseline === null ? [] : [request.baseline])]);
    const plan = await this.planOf(tx, request);
    const active = await this.releases.findActiveOf(tx, request);
    if (active) throw releaseActive(active);
    const nowMs = await this.clock.nowMs(tx);
    const freezeOverride = await this.freeze.check(tx, request);
    const { baseline, base } = await this.baseOf(tx, request);
    const { state, events } = startRelease(plan, nowMs, request.by, request.reason);
    const release: Release = {
      id: randomUUID(),
      namespace: request.namespace,
      app: request.app,
      candidate: request.candidate,
      baseline,
      planName: typeof request.plan === 'string' ? request.plan : null,
      plan,
      state,
      revision: 1,
      base,
      progress: { enteredAtMs: nowMs, routed: null, zeroing: null, judgement: null, waitingFor: null },
      reason: request.reason,
      startedBy: request.by,
      startedAt: new Date(nowMs),
      freezeOverride,
    };
    if (request.dryRun) return release;
    if (!(await this.releases.insert(tx, release))) throw releaseActive(null);
    await this.writer.begin(tx, release, events);
    return release;
  }

  private async planOf(tx: Transaction, { namespace, plan }: StartRequest): Promise<ReleasePlan> {
    if (typeof plan !== 'string') return plan;
    const found = await this.plans.find(tx, namespace, plan);
    if (found) return found.plan;
    throw new DomainError('unprocessable', 'unknown_plan', `Namespace ${namespace} has no release plan ${plan}.`);
  }

  private async baseOf(tx: Transaction, request: StartRequest): Promise<{ baseline: number; base: ReleaseBase }> {
    const { namespace, app, candidate } = request;
    const current = await this.distributions.current(tx, { namespace, app, service: '' });
    const baseline = request.baseline ?? mostOf(current?.weights ?? null, candidate);
    if (!current?.weights || baseline === null)
      throw new DomainError(
        'conflict',
        'no_baseline',
        `No version of ${app} but the candidate has traffic by a distribution: there is nothing to release against.`,
      );
    if (baseline === candidate)
      throw new DomainError('unprocessable', 'candidate_is_baseline', `Version ${candidate} cannot be released against itself.`);
    if (!current.weights.get(baseline))
      throw new DomainError('conflict', 'baseline_without_traffic', `Version ${baseline} has no traffic to compare the candidate with.`);
    await this.requireNoShare(tx, request);
    const instances = await this.baselineInstances(tx, request, baseline);
    if (!request.awaitsCandidate) await this.requireCandidate(tx, request, instances);
    return { baseline, base: { weights: current.weights, revision: current.revision, instances } };
  }

  private async baselineInstances(tx: Transaction, app: AppRef, baseline: number): Promise<Record<string, number>> {
    const running = (await this.programs.standings(tx, app, baseline)).filter((one) => activeRun(one)?.status === 'RUNNING');
    if (running.length === 0) throw new DomainError('conflict', 'baseline_not_running', `No service of version ${baseline} runs.`);
    return Object.fromEntries(running.map((standing) => [standing.name, instancesOf(standing, 1)]));
  }

  /** A release shifts the app's weights; what a service gives the candidate by itself would be traffic that no stage has allowed. */
  private async requireNoShare(tx: Transaction, { namespace, app, candidate }: StartRequest): Promise<void> {
    const { overrides } = await this.distributions.view(tx, namespace, app);
    const services = [...overrides].filter(([, weights]) => weights.has(candidate)).map(([service]) => service);
    if (services.length === 0) return;
    const which = `Service ${services.join(', ')} of ${app} gives version ${candidate} traffic by a distribution of its own`;
    throw new DomainError('conflict', 'candidate_in_override', `${which}: remove it, or give the version 0 there.`, {
      members: { services },
    });
  }

  /** Services that can be started from here need not run yet: the release starts them. */
  private async requireCandidate(tx: Transaction, app: StartRequest, baseInstances: Record<string, number>): Promise<void> {
    const { candidate } = app;
    const services = taking(await this.programs.standings(tx, app, candidate), baseInstances);
    const idle = services.filter((one) => !one.canStart && activeRun(one)?.status !== 'RUNNING').map(({ name }) => name);
    if (services.length > 0 && idle.length === 0) return;
    const what = services.length === 0 ? 'has no service' : `does not run ${idle.join(', ')}, which cannot be started from here`;
    throw new DomainError('conflict', 'candidate_not_running', `Version ${candidate} ${what}.`);
  }
}

/** The version that has the most, the lower one of two; null: no other one has any. */
function mostOf(weights: Weights | null, candidate: number): number | null {
  let most: [version: number | null, weightBp: number] = [null, 0];
  for (const [version, weightBp] of weights ?? []) if (version !== candidate && weightBp > most[1]) most = [version, weightBp];
  return most[0];
}

function releaseActive(active: Release | null): DomainError {
  const members = active ? { releaseId: active.id } : {};
  const which = active ? `Release ${active.id} of version ${active.candidate} is ${active.state.status}` : 'Another release has just begun';
  return new DomainError('conflict', 'release_active', `${which}: an app has one release at a time.`, { members });
}
