import { randomUUID } from 'node:crypto';
import type { Transaction, Transactions } from '../../database/transaction.js';
import type { Run } from '../../programs/run.js';
import { RunsRepository } from '../../programs/runs.repository.js';
import type { AppRef } from '../release.js';
import type { ReleaseClock } from '../release-clock.js';
import type { Order, ServiceStanding } from '../release-orders.js';
import { ReleasePrograms } from '../release-programs.js';

/** Programs that run as soon as they are started: rows without processes. Every version has one service, `cart`. */
export class FakePrograms extends ReleasePrograms {
  private readonly runs = new RunsRepository();

  constructor(
    private readonly transactions: Transactions,
    private readonly clock: ReleaseClock,
    /** Instances of a version that have come up; null: all. */
    private readonly up: (version: number) => number | null,
    /** What happens while somebody looks. */
    private readonly meanwhile: () => Promise<void>,
  ) {
    super();
  }

  async standings(tx: Transaction, { namespace, app }: AppRef, version: number): Promise<ServiceStanding[]> {
    await this.meanwhile();
    const run = await this.runs.latest(tx, { namespace, app, version, type: 'service', name: 'cart' });
    return [{ name: 'cart', run, ready: run?.status === 'RUNNING' ? (this.up(version) ?? run.desiredInstances) : 0, canStart: true }];
  }

  async carryOut(app: AppRef, _releaseId: string, orders: readonly Order[]): Promise<void> {
    for (const order of orders) await this.transactions.run((tx) => this.carryOutOne(tx, app, order));
  }

  private async carryOutOne(tx: Transaction, { namespace, app }: AppRef, order: Order): Promise<void> {
    const program = { namespace, app, version: order.version, type: 'service' as const, name: 'cart' };
    const active = await this.runs.active(tx, program);
    if (order.type === 'start') {
      const run = { runId: randomUUID(), program, hostId: 'here', status: 'RUNNING' as const, desiredInstances: order.instances ?? 1 };
      if (!active) await this.runs.insert(tx, run);
    } else if (active && order.type === 'scale') await this.runs.update(tx, active.runId, { desiredInstances: order.instances });
    else if (active) await this.end(tx, active, 'STOPPED');
  }

  /** By itself, or by somebody. */
  async end(tx: Transaction, run: Run, status: 'STOPPED' | 'FAILED'): Promise<void> {
    await this.runs.update(tx, run.runId, { status, stoppedAt: new Date(await this.clock.nowMs(tx)), error: 'exited with code 1' });
  }
}
