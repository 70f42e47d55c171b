import { appKey, type MeasurementFrame } from '@app-fabric/contracts';
import { addMeasures, floorTo, oldestKept, type RolledUp, rollUpUntil } from '@app-fabric/measurement';
import { Injectable } from '@nestjs/common';
import { type Transaction, Transactions } from '../database/transaction.js';
import { ErrorsRepository } from './errors.repository.js';
import { type Bucket, bucketKey, Ledger } from './ledger.js';
import { MeasurementsRepository, type Progress } from './measurements.repository.js';
import { ObservationsRepository } from './observations.repository.js';

/** Buckets made in one transaction, by time. */
const ROLL_UP_BUCKETS = 10;
const ERROR_RETENTION_MS = 7 * 86_400_000;

export interface ArrivedFrame {
  frame: MeasurementFrame;
  /** How long ago it was made, when it was read from the bus. */
  agoMs: number;
}

/** Accounts for frames and keeps the buckets of time: every call is exactly once, whoever makes it and however often. */
@Injectable()
export class FrameAccounting {
  constructor(
    private readonly transactions: Transactions,
    private readonly measurements: MeasurementsRepository,
    private readonly errors: ErrorsRepository,
    private readonly observations: ObservationsRepository,
  ) {}

  /**
   * Baselines, buckets and errors change in one transaction, under one lock: a frame that is accounted for twice, by this replica or another,
   * adds nothing the second time. Rejects when the database cannot be had, or when it may have been lost while committing: take the same again.
   */
  async accountFor(frames: readonly ArrivedFrame[]): Promise<void> {
    await this.transactions.run(async (tx) => {
      const begin = performance.now();
      const progress = await this.measurements.progress(tx, 'FOR UPDATE');
      const waitedMs = performance.now() - begin;
      const ledger = await this.ledgerFor(tx, progress, frames);
      for (const { frame, agoMs } of frames) ledger.take(frame, agoMs + waitedMs);
      await this.measurements.saveSources(tx, ledger.sources, progress.nowMs);
      await this.measurements.saveBaselines(tx, [...ledger.baselines.values()]);
      await this.measurements.addToBuckets(tx, ledger.buckets());
      await this.observations.save(tx, [...ledger.observations.values()]);
      await this.errors.add(tx, ledger.errors);
    });
  }

  /** Makes the coarse buckets that are due and removes what is too old. */
  async tidy(): Promise<void> {
    while (await this.transactions.run((tx) => this.rollUp(tx))) {}
    await this.transactions.run(async (tx) => {
      const { nowMs } = await this.measurements.progress(tx, 'FOR UPDATE');
      await this.measurements.removeOld(tx, nowMs);
      await this.errors.removeOld(tx, nowMs - ERROR_RETENTION_MS);
    });
  }

  private async ledgerFor(tx: Transaction, { nowMs, rolledUp }: Progress, frames: readonly ArrivedFrame[]): Promise<Ledger> {
    const sources = [...new Set(frames.map(({ frame }) => frame.source))];
    const series = frames.flatMap(({ frame }) => frame.series.map(({ id }) => ({ source: frame.source, series: id })));
    const places = frames.flatMap(({ frame }) => [...frame.series, ...frame.errors]);
    const apps = new Map(places.map(({ namespace, app }) => [appKey(namespace, app), { namespace, app }]));
    const instances = new Set(places.flatMap(({ instance }) => instance ?? []));
    return new Ledger({
      instances: await this.measurements.instances(tx, [...instances]),
      nowMs,
      rolledUp,
      sources: await this.measurements.knownSources(tx, sources),
      baselines: await this.measurements.baselines(tx, series),
      apps: await this.measurements.existingApps(tx, [...apps.values()]),
      observations: await this.observations.lockOf(tx, [...apps.values()]),
    });
  }

  /** One step of one resolution, the finer first. False: nothing is due. */
  private async rollUp(tx: Transaction): Promise<boolean> {
    const { nowMs, rolledUp } = await this.measurements.progress(tx, 'FOR UPDATE');
    for (const [fine, coarse] of [
      [10, 60],
      [60, 3_600],
    ] as const) {
      // Coarser ones are made of what is complete.
      const until = Math.min(rollUpUntil(nowMs, coarse), coarse === 60 ? Number.POSITIVE_INFINITY : floorTo(rolledUp[60], coarse));
      if (rolledUp[coarse] >= until) continue;
      const from = Math.max(rolledUp[coarse], oldestKept(nowMs, fine));
      const oldest = await this.measurements.oldestBucket(tx, fine, from);
      const begin = oldest === null ? until : Math.min(until, Math.max(rolledUp[coarse], floorTo(oldest, coarse)));
      const end = Math.min(until, begin + ROLL_UP_BUCKETS * coarse * 1_000);
      const found = await this.measurements.bucketsBetween(tx, fine, begin, end, coarse === 60);
      await this.measurements.addToBuckets(tx, coarser(found, coarse));
      await this.measurements.saveProgress(tx, { ...rolledUp, [coarse]: end } as RolledUp);
      return true;
    }
    return false;
  }
}

function coarser(fine: readonly Bucket[], resolution: 60 | 3_600): Bucket[] {
  const sums = new Map<string, Bucket>();
  for (const one of fine) {
    const bucket = { ...one, resolution, atMs: floorTo(one.atMs, resolution) };
    const known = sums.get(bucketKey(bucket));
    sums.set(bucketKey(bucket), known ? { ...bucket, measures: addMeasures(known.measures, one.measures) } : bucket);
  }
  return [...sums.values()];
}
