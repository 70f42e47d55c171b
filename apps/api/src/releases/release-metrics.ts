import { RELEASE_STATUSES } from '@app-fabric/release';
import { Injectable } from '@nestjs/common';
import { Transactions } from '../database/transaction.js';
import { type Shown, showGauge } from '../metrics/gauge.js';
import { Metrics } from '../metrics/metrics.js';
import { SharedLook } from '../metrics/shared-look.js';
import { ReleasesRepository } from './releases.repository.js';

const VERDICTS = ['pass', 'minor', 'moderate', 'severe', 'not_enough_data'] as const;
const DIMENSIONS = ['stability', 'availability'] as const;
const KEEP_MS = 1_000;
/** Less than a scrape may take. */
const PATIENCE_MS = 2_000;

type Counts = Awaited<ReturnType<ReleasesRepository['counts']>>;

/** Releases in /metrics: every replica tells the same, which is in the database. */
@Injectable()
export class ReleaseMetrics {
  constructor({ registry }: Metrics, transactions: Transactions, releases: ReleasesRepository) {
    const counts = new SharedLook(() => transactions.read((tx) => releases.counts(tx)), {
      keepMs: KEEP_MS,
      patienceMs: PATIENCE_MS,
      nowMs: () => performance.now(),
    });
    const stored = (read: (found: Counts) => Shown[]) => async () => {
      const found = await counts.get();
      return found === null ? [] : read(found);
    };
    showGauge(
      registry,
      { name: 'fabric_releases', help: 'Canary releases, those that have ended too.', labelNames: ['status'] },
      stored(byStatus),
    );
    const help = 'Active canary releases by the verdict on their stage so far.';
    showGauge(registry, { name: 'fabric_release_verdicts', help, labelNames: ['dimension', 'verdict'] }, stored(byVerdict));
  }
}

function byStatus(found: Counts): Shown[] {
  return RELEASE_STATUSES.map((status) => ({ labels: { status }, value: sumOf(found, (one) => one.status === status) }));
}

function byVerdict(found: Counts): Shown[] {
  return DIMENSIONS.flatMap((dimension) =>
    VERDICTS.map((verdict) => ({ labels: { dimension, verdict }, value: sumOf(found, (one) => one[dimension] === verdict) })),
  );
}

function sumOf(found: Counts, matches: (one: Counts[number]) => boolean): number {
  return found.filter(matches).reduce((total, { count }) => total + count, 0);
}
