import type { Weights } from '@app-fabric/routing';
import { Injectable } from '@nestjs/common';
import { AppsRepository } from '../apps/apps.repository.js';
import type { Transaction } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import type { ProgramRef } from '../programs/run.js';
import type { ChangeAuthor } from './distribution.js';
import { DistributionRepository } from './distribution.repository.js';
import { changesWhenRunning, changesWhenStopping, type DistributionChanges, type RuleResult } from './distribution-rules.js';

/** What happens to distributions because of something else: a program that comes to run, is stopped, or fails. Called under the route lock. */
@Injectable()
export class DistributionWriter {
  constructor(
    private readonly repository: DistributionRepository,
    private readonly apps: AppsRepository,
  ) {}

  /** Rule 1, when a service has just come to run; `program`'s run is not written as RUNNING yet. */
  async noteRunning(tx: Transaction, program: ProgramRef, routeRevision: number): Promise<void> {
    const view = await this.repository.view(tx, program.namespace, program.app);
    const changes = changesWhenRunning(view, program.name, program.version);
    await this.apply(
      tx,
      program,
      changes,
      { by: 'system', source: 'first_version', reason: `first to run: ${program.name}` },
      routeRevision,
    );
  }

  /**
   * Rules 2 and 3 for a stop that somebody asks for; the runs are not written as STOPPING yet.
   * Returns what would change; throws 409 no_weight_to_take_over or version_not_running, 422 unknown_version. Nothing is written.
   */
  async planStop(
    tx: Transaction,
    app: Pick<ProgramRef, 'namespace' | 'app' | 'version'>,
    services: readonly string[],
    moveTo: Weights | null,
  ): Promise<DistributionChanges> {
    if (moveTo) await requireKnownVersions(tx, this.apps, app, [...moveTo.keys()]);
    const view = await this.repository.view(tx, app.namespace, app.app);
    return allowed(changesWhenStopping(view, app.version, services, moveTo));
  }

  /** A run failed by itself: its share goes to the others as in a stop; where nobody can take it over, what is stored stays. */
  async noteFailure(tx: Transaction, program: ProgramRef, routeRevision: number): Promise<void> {
    const view = await this.repository.view(tx, program.namespace, program.app);
    const result = changesWhenStopping(view, program.version, [program.name], null);
    if (!result.ok) return;
    const kept = new Map([...result.changes].filter(([, weights]) => weights !== null));
    const reason = `${program.name} of version ${program.version} failed`;
    await this.apply(tx, program, kept, { by: 'system', source: 'failure', reason }, routeRevision);
  }

  async apply(
    tx: Transaction,
    { namespace, app }: Pick<ProgramRef, 'namespace' | 'app'>,
    changes: DistributionChanges,
    author: ChangeAuthor,
    routeRevision: number,
  ): Promise<void> {
    for (const [service, weights] of changes) await this.repository.store(tx, { namespace, app, service }, weights, author, routeRevision);
  }
}

/** The changes of an allowed result; a refusal becomes its 409. */
export function allowed(result: RuleResult): DistributionChanges {
  if (!result.ok) throw new DomainError('conflict', result.refusal.code, result.refusal.detail);
  return result.changes;
}

/** 422 unknown_version unless the app has all of them. */
export async function requireKnownVersions(
  tx: Transaction,
  repository: AppsRepository,
  { namespace, app }: Pick<ProgramRef, 'namespace' | 'app'>,
  versions: readonly number[],
): Promise<void> {
  const unknown = await repository.unknownVersions(tx, namespace, app, versions);
  if (unknown.length > 0) throw new DomainError('unprocessable', 'unknown_version', `${app} has no version ${unknown.join(', ')}.`);
}
