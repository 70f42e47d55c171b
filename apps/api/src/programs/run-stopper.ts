import { Injectable } from '@nestjs/common';
import { Transactions } from '../database/transaction.js';
import { Propagation } from '../publishing/propagation.js';
import { ProxyRegistry } from '../publishing/proxy-registry.js';
import type { Run, RunInstance } from './run.js';
import { RunHost } from './run-host.js';
import { RunsRepository } from './runs.repository.js';

/** How long one step waits before the supervisor looks again. */
const STEP_MS = 900;
/** Between SIGTERM and SIGKILL. */
const GRACE_MS = 10_000;

/**
 * Rule 4, the order of a stop: routes without the instances are committed (before we come here) → no live proxy routes by older ones →
 * in-flight requests are done, or `drainSeconds` over → SIGTERM. Called again and again until the run has ended.
 */
@Injectable()
export class RunStopper {
  /** When all proxies had applied the routes without this instance. Lost in a restart, which only lengthens the drain. */
  private readonly appliedAtMs = new Map<string, number>();

  constructor(
    private readonly transactions: Transactions,
    private readonly runs: RunsRepository,
    private readonly propagation: Propagation,
    private readonly registry: ProxyRegistry,
    private readonly host: RunHost,
  ) {}

  /** One step of a run that is to stop as a whole. False when there is more to do. */
  async advance(run: Run, rows: readonly RunInstance[]): Promise<boolean> {
    if (run.program.type === 'service' && !(await this.drained(run.runId, run, rows, run.routeRevision))) return false;
    const killed = await this.host.stopAll(run.runId, GRACE_MS);
    this.appliedAtMs.delete(run.runId);
    const hostIsGone = run.hostId !== null && run.hostId !== this.host.id;
    await this.transactions.run(async (tx) => {
      const now = await this.runs.find(tx, run.runId, true);
      if (now?.status !== 'STOPPING') return;
      await this.runs.deleteInstancesOf(tx, run.runId);
      await this.runs.update(tx, run.runId, {
        status: killed || hostIsGone ? 'KILLED' : 'STOPPED',
        stoppedAt: new Date(),
        ...(hostIsGone ? { error: `the control plane on host ${run.hostId} is gone; its processes could not be stopped` } : {}),
      });
    });
    return true;
  }

  /** Stops the instances that were taken out of the routes when the run was made smaller. */
  async retire(run: Run, leaving: readonly RunInstance[]): Promise<void> {
    for (const row of leaving) {
      if (!(await this.drained(row.uid, run, [row], row.leaving?.routeRevision ?? null))) continue;
      await this.host.stop(row.uid, GRACE_MS);
      this.appliedAtMs.delete(row.uid);
      await this.transactions.run((tx) => this.runs.deleteInstance(tx, row.uid));
    }
  }

  private async drained(key: string, run: Run, rows: readonly RunInstance[], routeRevision: number | null): Promise<boolean> {
    if (routeRevision === null || rows.length === 0) return true;
    const { program, drainSeconds } = run;
    const { namespace, app } = program;
    if (!(await this.propagation.waitUntilWithdrawn({ routeRevision, namespace, app }, STEP_MS))) return false; // a proxy may still send requests: stopping now would fail them
    const appliedAtMs = this.appliedAtMs.get(key) ?? performance.now();
    this.appliedAtMs.set(key, appliedAtMs);
    const leftMs = appliedAtMs + drainSeconds * 1000 - performance.now();
    return (await this.idle(rows, Math.min(leftMs, STEP_MS))) || leftMs <= 0;
  }

  /** Resolves with true when no proxy has a request in flight on these instances, with false after `timeoutMs`. */
  private idle(rows: readonly RunInstance[], timeoutMs: number): Promise<boolean> {
    const isIdle = () => this.registry.list().every(({ report }) => rows.every(({ uid }) => !report.inFlight[uid]));
    if (isIdle()) return Promise.resolve(true);
    if (timeoutMs <= 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const finish = (result: boolean) => {
        clearTimeout(timer);
        off();
        resolve(result);
      };
      const off = this.registry.onChange(() => {
        if (isIdle()) finish(true);
      });
      const timer = setTimeout(finish, timeoutMs, false);
    });
  }
}
