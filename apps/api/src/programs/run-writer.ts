import { Injectable } from '@nestjs/common';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DistributionWriter } from '../distribution/distribution-writer.js';
import { Metrics } from '../metrics/metrics.js';
import { RouteChanges } from '../publishing/route-changes.js';
import type { Run } from './run.js';
import type { RunPlan } from './run-plan.js';
import { type RunPatch, RunsRepository } from './runs.repository.js';

/** Writes down what a run has come to, with what follows from it for routes and distribution, in one transaction. */
@Injectable()
export class RunWriter {
  constructor(
    private readonly transactions: Transactions,
    private readonly runs: RunsRepository,
    private readonly routes: RouteChanges,
    private readonly distributions: DistributionWriter,
    private readonly metrics: Metrics,
  ) {}

  /** False when the run is not any more what the plan was made for; nothing was written then. */
  async write(run: Run, plan: RunPlan): Promise<boolean> {
    const patch = toPatch(run, plan);
    if (plan.save.length === 0 && plan.retire.length === 0 && Object.keys(patch).length === 0) return true;
    return this.transactions.run(async (tx) => {
      if (plan.routesChange) await this.routes.lock(tx);
      const now = await this.runs.find(tx, run.runId, true);
      if (!now || now.revision !== run.revision) return false;
      if (plan.routesChange) patch.routeRevision = await this.changeRoutes(tx, run, plan);
      for (const row of plan.save) await this.runs.saveInstance(tx, row);
      for (const row of plan.retire) {
        const routeRevision = patch.routeRevision ?? run.routeRevision ?? 0;
        await this.runs.saveInstance(tx, { ...row, routable: false, status: 'STOPPING', leaving: { routeRevision, at: new Date() } });
      }
      if (plan.status === 'FAILED' || plan.status === 'COMPLETED') await this.end(tx, run, plan.status);
      await this.runs.update(tx, run.runId, patch);
      return true;
    });
  }

  private async end(tx: Transaction, { runId, program }: Run, status: string): Promise<void> {
    await this.runs.deleteInstancesOf(tx, runId);
    this.transactions.afterCommit(tx, () => this.metrics.runEnded(program, program.type, status));
  }

  private async changeRoutes(tx: Transaction, run: Run, plan: RunPlan): Promise<number> {
    const { namespace, app } = run.program;
    const revision = await this.routes.commit(tx, namespace, app);
    if (plan.status === 'RUNNING' && run.status !== 'RUNNING') await this.distributions.noteRunning(tx, run.program, revision);
    if (plan.status === 'FAILED' && run.status === 'RUNNING') await this.distributions.noteFailure(tx, run.program, revision);
    return revision;
  }
}

function toPatch(run: Run, plan: RunPlan): RunPatch {
  const patch: RunPatch = {};
  if (plan.status !== run.status) patch.status = plan.status;
  if (plan.status === 'RUNNING' && run.startedAt === null) patch.startedAt = new Date();
  if (plan.status === 'FAILED' || plan.status === 'COMPLETED') patch.stoppedAt = new Date();
  if (plan.exit) patch.exit = plan.exit;
  if (plan.error !== null) patch.error = plan.error;
  return patch;
}
