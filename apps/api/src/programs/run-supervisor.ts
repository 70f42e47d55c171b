import { randomBytes } from 'node:crypto';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { Notifications } from '../database/notifications.js';
import { Transactions } from '../database/transaction.js';
import { LeaseRepository } from '../publishing/lease.repository.js';
import { LOGGER } from '../tokens.js';
import { isActive, type Run } from './run.js';
import { RunHost } from './run-host.js';
import { planRun } from './run-plan.js';
import { RunStopper } from './run-stopper.js';
import { RunWriter } from './run-writer.js';
import { RUNS_CHANNEL, RunsRepository } from './runs.repository.js';

const LEASE = 'shared-runs';
const LEASE_SECONDS = 10;
const TICK_MS = 1_000;
/** A control plane that was not seen for this long is taken for gone. */
export const HOST_GONE_SECONDS = 30;

/**
 * Brings each run that this control plane looks after to what is wanted, again and again: on a call, on an event of the runtime, and
 * once a second. It keeps nothing that the database does not have, so it can be killed at any moment and goes on after a restart.
 */
@Injectable()
export class RunSupervisor implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly holder = randomBytes(8).toString('hex');
  private readonly passes = new Map<string, { again: boolean; done: Promise<void> }>();
  private timer: NodeJS.Timeout | null = null;
  private rounds: Promise<void> | null = null;
  private wanted = false;
  /** The active runs that this control plane looks after, as of the last round. */
  private mine: ReadonlySet<string> = new Set();
  private stopped = false;

  constructor(
    private readonly transactions: Transactions,
    private readonly runs: RunsRepository,
    private readonly host: RunHost,
    private readonly writer: RunWriter,
    private readonly stopper: RunStopper,
    private readonly leases: LeaseRepository,
    notifications: Notifications,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    notifications.on(RUNS_CHANNEL, () => this.wake());
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.host.open((runId) => this.touch(runId));
    this.timer = setInterval(() => this.wake(), TICK_MS);
    this.wake();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    if (this.timer) clearInterval(this.timer);
    await this.rounds;
    await Promise.all([...this.passes.values()].map(({ done }) => done));
    await this.host.close();
  }

  /** Says that something is wanted of a run. Returns at once; every run that is ours to look after is looked at. */
  wake(): void {
    this.wanted = true;
    if (this.rounds || this.stopped || !this.timer) return;
    this.rounds = this.roundsUntilQuiet().finally(() => {
      this.rounds = null;
    });
  }

  private async roundsUntilQuiet(): Promise<void> {
    while (this.wanted && !this.stopped) {
      this.wanted = false;
      await this.round().catch((error: unknown) => this.logger.warn({ err: error }, 'runs cannot be looked after now'));
    }
  }

  private async round(): Promise<void> {
    const runs = await this.transactions.run(async (tx) => {
      if (this.host.id !== null) await this.runs.hostSeen(tx, this.host.id);
      const shared = await this.leases.hold(tx, LEASE, this.holder, LEASE_SECONDS);
      return this.runs.toLookAfter(tx, this.host.id, shared, HOST_GONE_SECONDS);
    });
    this.mine = new Set(runs.map(({ runId }) => runId));
    for (const runId of new Set([...this.mine, ...this.host.runIds()])) this.touch(runId);
  }

  /** Says that something of the run may have changed. Returns at once; passes over one run never overlap. */
  private touch(runId: string): void {
    const current = this.passes.get(runId);
    if (current) {
      current.again = true;
      return;
    }
    if (this.stopped) return;
    const pass = { again: true, done: Promise.resolve() };
    this.passes.set(runId, pass);
    pass.done = this.passUntilQuiet(runId, pass);
  }

  private async passUntilQuiet(runId: string, pass: { again: boolean }): Promise<void> {
    while (pass.again && !this.stopped) {
      pass.again = false;
      try {
        await this.look(runId);
      } catch (error) {
        this.logger.warn({ err: error, runId }, 'this run could not be looked after now; the next round tries again');
      }
    }
    this.passes.delete(runId);
  }

  private async look(runId: string): Promise<void> {
    const { run, rows } = await this.transactions.read(async (tx) => ({
      run: await this.runs.find(tx, runId),
      rows: await this.runs.instances(tx, [runId]),
    }));
    const isHere = run !== null && this.host.id !== null && run.hostId === this.host.id;
    if (run?.status === 'STOPPING' && (isHere || this.mine.has(runId))) {
      if (!(await this.stopper.advance(run, rows))) this.touch(runId); // each step waits a while by itself
    } else if (isHere && isActive(run.status)) {
      await this.bringUp(
        run,
        rows.filter(({ ttlSeconds }) => ttlSeconds === null),
      );
    } else if (this.host.runIds().has(runId)) {
      await this.host.stopAll(runId); // nobody wants it any more
    }
  }

  private async bringUp(run: Run, rows: Awaited<ReturnType<RunsRepository['instances']>>): Promise<void> {
    const plan = planRun(run, rows, this.host.observe(run.runId), () => randomBytes(8).toString('hex'), new Date());
    const current = await this.writer.write(run, plan);
    if (!current) {
      this.touch(run.runId); // somebody changed the run meanwhile: look again
      return;
    }
    for (const row of plan.launch) await this.host.launch(run, row);
    await this.stopper.retire(
      run,
      rows.filter(({ leaving }) => leaving !== null),
    );
    if (plan.status === 'FAILED' || plan.status === 'COMPLETED') await this.host.stopAll(run.runId);
  }
}
