import { decide } from '@app-fabric/release';
import { Injectable } from '@nestjs/common';
import { type Transaction, Transactions } from '../database/transaction.js';
import { RouteChanges } from '../publishing/route-changes.js';
import type { Release } from './release.js';
import { ReleaseClock } from './release-clock.js';
import { type Order, ordersFor } from './release-orders.js';
import { ReleasePrograms } from './release-programs.js';
import { type Applied, ReleaseWorld } from './release-world.js';
import { ReleaseWriter } from './release-writer.js';
import { ReleasesRepository } from './releases.repository.js';

type Attempt = { release: Release; orders: Order[] } | 'needs_routes' | null;

/**
 * One look at a release: what is the case, what follows from it, written in one transaction with the distribution that goes with it. Then the programs are
 * brought to what is wanted, which may be done any number of times. Killed anywhere, the next look goes on from what was committed.
 */
@Injectable()
export class ReleaseStepper {
  constructor(
    private readonly transactions: Transactions,
    private readonly releases: ReleasesRepository,
    private readonly routes: RouteChanges,
    private readonly world: ReleaseWorld,
    private readonly writer: ReleaseWriter,
    private readonly programs: ReleasePrograms,
    private readonly clock: ReleaseClock,
  ) {}

  /** Null: it has ended, or somebody else is just at it. `applied`: of the routes that the app had when it was asked. */
  async step(id: string, applied: Applied | null): Promise<Release | null> {
    // The lock of the routes is all replicas' and apps': only who changes routes takes it, and has to take it first.
    let done = await this.transactions.run((tx) => this.attempt(tx, id, applied, false));
    if (done === 'needs_routes')
      done = await this.transactions.run(async (tx) => {
        await this.routes.lock(tx);
        return this.attempt(tx, id, applied, true);
      });
    if (done === null || done === 'needs_routes') return null;
    await this.programs.carryOut(done.release, id, done.orders);
    return done.release;
  }

  private async attempt(tx: Transaction, id: string, applied: Applied | null, hasRoutes: boolean): Promise<Attempt> {
    const release = await this.releases.lock(tx, id, 'SKIP LOCKED');
    if (!release) return null;
    const nowMs = await this.clock.nowMs(tx);
    const seen = await this.world.look(tx, release, nowMs, applied);
    const { judgement, ...step } = decide({ state: release.state, plan: release.plan, now: nowMs, evidence: seen.evidence });
    if (!hasRoutes && this.writer.changesRoutes(release, step, seen)) return 'needs_routes';
    const progress = { ...seen.progress, judgement: judgement ?? seen.progress.judgement };
    const after = await this.writer.write(tx, release, step, { ...seen, progress });
    return { release: after, orders: ordersFor(after, seen.standings).orders };
  }
}
