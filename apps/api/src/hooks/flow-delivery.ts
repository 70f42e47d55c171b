import { Injectable } from '@nestjs/common';
import { Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { LifecycleService } from '../programs/lifecycle.service.js';
import { ProgramsService } from '../programs/programs.service.js';
import { isActive, type Run } from '../programs/run.js';
import { RunStarter } from '../programs/run-starter.js';
import { RunSupervisor } from '../programs/run-supervisor.js';
import { RunsRepository } from '../programs/runs.repository.js';
import { DeliveriesRepository } from './deliveries.repository.js';
import type { Delivery, Outcome } from './delivery.js';
import type { Attempted } from './webhook-delivery.js';

const LOOK_MS = 500;
const DATABASE_REST_MS = 5_000;

/** Runs a flow of the candidate as a hook: COMPLETED is good, anything else is not. Started once, whatever is killed in between. */
@Injectable()
export class FlowDelivery {
  constructor(
    private readonly transactions: Transactions,
    private readonly deliveries: DeliveriesRepository,
    private readonly programs: ProgramsService,
    private readonly starter: RunStarter,
    private readonly runs: RunsRepository,
    private readonly lifecycle: LifecycleService,
    private readonly supervisor: RunSupervisor,
  ) {}

  async attempt(delivery: Delivery, nowMs: number): Promise<Attempted> {
    try {
      return delivery.runId === null ? await this.start(delivery, nowMs) : await this.look(delivery, delivery.runId, nowMs);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      if (error.kind === 'unavailable') return { outcome: { then: 'later', afterMs: DATABASE_REST_MS }, attempt: null };
      return ended(delivery, nowMs, 'failed', `${error.code}: ${error.detail}`);
    }
  }

  /** The run and the note of it come in one transaction. */
  private async start(delivery: Delivery, nowMs: number): Promise<Attempted> {
    const { namespace, app, version, target } = delivery;
    await this.transactions.run(async (tx) => {
      const program = await this.programs.require(tx, namespace, app, String(version), 'flow', flowOf(delivery));
      const { runId } = await this.starter.start(tx, program, null, null);
      if (!(await this.deliveries.begun(tx, delivery, runId, nowMs + target.timeoutMs))) throw taken();
    });
    this.supervisor.wake();
    return { outcome: { then: 'later', afterMs: LOOK_MS }, attempt: null };
  }

  private async look(delivery: Delivery, runId: string, nowMs: number): Promise<Attempted> {
    const run = await this.transactions.read((tx) => this.runs.find(tx, runId));
    if (run === null) return ended(delivery, nowMs, 'failed', 'has no run any more');
    if (run.status === 'COMPLETED') return ended(delivery, nowMs, 'succeeded', null);
    if (!isActive(run.status)) return ended(delivery, nowMs, 'failed', `is ${run.status}${run.error === null ? '' : `: ${run.error}`}`);
    if (delivery.deadline === null || nowMs < delivery.deadline.getTime())
      return { outcome: { then: 'later', afterMs: LOOK_MS }, attempt: null };
    await this.stop(run);
    return ended(delivery, nowMs, 'failed', `was not done within ${delivery.target.timeoutMs / 1_000} s and is stopped`);
  }

  /** It may end by itself at this very moment, or somebody else may stop it. */
  private async stop({ program: { namespace, app, version, name } }: Run): Promise<void> {
    const options = { drainSeconds: 0, reallocate: null, ifMatch: { match: null, noneMatch: null }, by: 'system', dryRun: false };
    await this.lifecycle.stop({ namespace, app, version: String(version) }, 'flow', name, options).catch((error: unknown) => {
      if (!(error instanceof DomainError) || error.code !== 'not_running') throw error;
    });
  }
}

function flowOf({ target }: Delivery): string {
  if (target.type !== 'flow') throw new Error(`a ${target.type} is no flow`);
  return target.name;
}

function taken(): DomainError {
  return new DomainError('conflict', 'taken_over', 'The hook was cancelled, or is done by somebody else.');
}

function ended({ attempts, createdAt }: Delivery, nowMs: number, then: Exclude<Outcome['then'], 'later'>, error: string | null): Attempted {
  const durationMs = Math.max(0, nowMs - createdAt.getTime());
  return {
    outcome: { then },
    attempt: { attempt: attempts, at: new Date(nowMs).toISOString(), durationMs, status: null, error, response: null },
  };
}
