import { decide } from '@app-fabric/release';
import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/transaction.js';
import { type ManualChange, ManualChanges } from '../distribution/manual-changes.js';
import { ReleaseClock } from './release-clock.js';
import { ReleaseWorld } from './release-world.js';
import { ReleaseWriter } from './release-writer.js';
import { ReleasesRepository } from './releases.repository.js';

/** A change by hand during a release pauses it, in the transaction that makes the change: the two never fight. */
@Injectable()
export class ReleasePauser {
  constructor(
    manual: ManualChanges,
    private readonly releases: ReleasesRepository,
    private readonly world: ReleaseWorld,
    private readonly writer: ReleaseWriter,
    private readonly clock: ReleaseClock,
  ) {
    manual.on((tx, change) => this.pause(tx, change));
  }

  /** Under the route lock, which the change has. */
  private async pause(tx: Transaction, change: ManualChange): Promise<void> {
    const release = await this.releases.lockActiveOf(tx, change);
    if (!release) return;
    if (change.version !== null && change.version !== release.candidate && change.version !== release.baseline) return;
    const nowMs = await this.clock.nowMs(tx);
    const seen = await this.world.look(tx, release, nowMs, null);
    const evidence = { ...seen.evidence, manualChange: change.what };
    const { judgement: _, ...step } = decide({ state: release.state, plan: release.plan, now: nowMs, evidence });
    if (step.events.length > 0) await this.writer.write(tx, release, step, seen);
  }
}
