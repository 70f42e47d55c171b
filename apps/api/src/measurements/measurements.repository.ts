import { appKey } from '@app-fabric/contracts';
import { addMeasures, type Measures, oldestKept, RESOLUTIONS, type Resolution, type RolledUp } from '@app-fabric/measurement';
import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import { type Bucket, baselineKey, bucketKey, type Place, SOURCE_RETENTION_MS, type StoredBaseline } from './ledger.js';

interface PlaceRow {
  namespace: string;
  app: string;
  service: string;
  version: number;
  instance: string;
}

interface BucketRow extends PlaceRow {
  resolution: Resolution;
  at_ms: string;
  measures: Measures;
}

interface BaselineRow extends PlaceRow {
  source: string;
  series: string;
  sequence: string;
  in_flight: string;
  seen_at_ms: string;
  measures: Measures;
}

export interface Progress {
  /** By the database's clock, which all replicas share. */
  nowMs: number;
  rolledUp: RolledUp;
}

const PLACE = 'namespace text, app text, service text, version integer, instance text';

/** Buckets of time and baselines. All numbers of bytes and requests stay below 2^53. */
@Injectable()
export class MeasurementsRepository {
  /** With the lock accounting goes one after the other until the end of the transaction: to be its first statement. */
  async progress(tx: Transaction, lock: '' | 'FOR UPDATE' = ''): Promise<Progress> {
    const [row] = await query<{ rolled_60_ms: string; rolled_3600_ms: string }>(
      tx,
      `SELECT rolled_60_ms, rolled_3600_ms FROM measurement_progress WHERE id = 1 ${lock}`,
    );
    // Of a statement of its own: the lock may have been waited for.
    const [clock] = await query<{ now_ms: string }>(tx, 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms');
    return { nowMs: Number(clock!.now_ms), rolledUp: { 60: Number(row!.rolled_60_ms), 3600: Number(row!.rolled_3600_ms) } };
  }

  async saveProgress(tx: Transaction, rolledUp: RolledUp): Promise<void> {
    await query(tx, 'UPDATE measurement_progress SET rolled_60_ms = $1, rolled_3600_ms = $2', [rolledUp[60], rolledUp[3_600]]);
  }

  async knownSources(tx: Transaction, sources: readonly string[]): Promise<Set<string>> {
    const rows = await query<{ source: string }>(tx, 'SELECT source FROM measurement_sources WHERE source = ANY($1)', [sources]);
    return new Set(rows.map(({ source }) => source));
  }

  async saveSources(tx: Transaction, sources: ReadonlyMap<string, string>, nowMs: number): Promise<void> {
    await query(
      tx,
      `INSERT INTO measurement_sources (source, proxy_id, seen_at_ms)
       SELECT source, proxy_id, $3 FROM unnest($1::text[], $2::text[]) AS r(source, proxy_id)
       ON CONFLICT (source) DO UPDATE SET seen_at_ms = EXCLUDED.seen_at_ms`,
      [[...sources.keys()], [...sources.values()], nowMs],
    );
  }

  /** Those of the apps that exist; none of them can be deleted until the transaction ends. */
  async existingApps(tx: Transaction, apps: readonly { namespace: string; app: string }[]): Promise<Set<string>> {
    const rows = await query<{ namespace: string; app: string }>(
      tx,
      `SELECT namespace, name AS app FROM apps
        WHERE (namespace, name) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY namespace, name FOR KEY SHARE`,
      [apps.map(({ namespace }) => namespace), apps.map(({ app }) => app)],
    );
    return new Set(rows.map(({ namespace, app }) => appKey(namespace, app)));
  }

  /** By what routes call them. */
  async instances(tx: Transaction, uids: readonly string[]): Promise<Map<string, { instanceId: string; runId: string }>> {
    const rows = await query<{ instance_uid: string; instance_id: string; run_id: string }>(
      tx,
      'SELECT instance_uid, instance_id, run_id FROM run_instances WHERE instance_uid = ANY($1)',
      [uids],
    );
    return new Map(rows.map((row) => [row.instance_uid, { instanceId: row.instance_id, runId: row.run_id }]));
  }

  async baselines(tx: Transaction, wanted: readonly { source: string; series: number }[]): Promise<Map<string, StoredBaseline>> {
    const rows = await query<BaselineRow>(
      tx,
      'SELECT * FROM measurement_baselines WHERE (source, series) IN (SELECT * FROM unnest($1::text[], $2::bigint[]))',
      [wanted.map(({ source }) => source), wanted.map(({ series }) => series)],
    );
    return new Map(rows.map((row) => [baselineKey(row.source, Number(row.series)), toBaseline(row)]));
  }

  async saveBaselines(tx: Transaction, baselines: readonly StoredBaseline[]): Promise<void> {
    if (baselines.length === 0) return;
    const rows = baselines.map(({ source, series, sequence, inFlight, seenAtMs, measures, ...place }) => ({
      ...toPlaceRow(place),
      source,
      series,
      sequence,
      in_flight: inFlight,
      seen_at_ms: Math.round(seenAtMs),
      measures,
    }));
    await query(
      tx,
      `INSERT INTO measurement_baselines (source, series, sequence, namespace, app, service, version, instance, in_flight, seen_at_ms, measures)
       SELECT source, series, sequence, namespace, app, service, version, instance, in_flight, seen_at_ms, measures
         FROM jsonb_to_recordset($1::jsonb)
           AS r(source text, series bigint, sequence bigint, ${PLACE}, in_flight bigint, seen_at_ms bigint, measures jsonb)
       ON CONFLICT (source, series) DO UPDATE SET sequence = EXCLUDED.sequence, in_flight = EXCLUDED.in_flight,
         seen_at_ms = EXCLUDED.seen_at_ms, measures = EXCLUDED.measures`,
      [JSON.stringify(rows)],
    );
  }

  /** Adds to what is stored. Only under the lock of {@link progress}: what is read here must not change before it is written. */
  async addToBuckets(tx: Transaction, buckets: readonly Bucket[]): Promise<void> {
    if (buckets.length === 0) return;
    const keys = buckets.map(({ measures: _, ...bucket }) => toBucketKeyRow(bucket));
    const stored = await query<BucketRow>(
      tx,
      `SELECT m.* FROM jsonb_to_recordset($1::jsonb) AS r(resolution integer, at_ms bigint, ${PLACE})
         JOIN measurements m USING (namespace, app, resolution, at_ms, service, version, instance)`,
      [JSON.stringify(keys)],
    );
    const before = new Map(stored.map((row) => [bucketKey(toBucket(row)), row.measures]));
    const rows = buckets.map(({ measures, ...bucket }) => {
      const known = before.get(bucketKey(bucket));
      return { ...toBucketKeyRow(bucket), measures: known ? addMeasures(known, measures) : measures };
    });
    await query(
      tx,
      `INSERT INTO measurements (namespace, app, resolution, at_ms, service, version, instance, measures)
       SELECT namespace, app, resolution, at_ms, service, version, instance, measures
         FROM jsonb_to_recordset($1::jsonb) AS r(resolution integer, at_ms bigint, ${PLACE}, measures jsonb)
       ON CONFLICT (namespace, app, resolution, at_ms, service, version, instance) DO UPDATE SET measures = EXCLUDED.measures`,
      [JSON.stringify(rows)],
    );
  }

  /** Begin of the oldest bucket of a resolution from `fromMs` on. */
  async oldestBucket(tx: Transaction, resolution: Resolution, fromMs: number): Promise<number | null> {
    const [row] = await query<{ at_ms: string | null }>(
      tx,
      'SELECT min(at_ms) AS at_ms FROM measurements WHERE resolution = $1 AND at_ms >= $2',
      [resolution, fromMs],
    );
    return row?.at_ms == null ? null : Number(row.at_ms);
  }

  /** All buckets of a resolution that begin in [`fromMs`, `toMs`). */
  async bucketsBetween(tx: Transaction, resolution: Resolution, fromMs: number, toMs: number, withInstances: boolean): Promise<Bucket[]> {
    const rows = await query<BucketRow>(
      tx,
      "SELECT * FROM measurements WHERE resolution = $1 AND at_ms >= $2 AND at_ms < $3 AND ($4 OR instance = '')",
      [resolution, fromMs, toMs, withInstances],
    );
    return rows.map(toBucket);
  }

  /** Everything that is too old to be kept. */
  async removeOld(tx: Transaction, nowMs: number): Promise<void> {
    for (const resolution of RESOLUTIONS)
      await query(tx, 'DELETE FROM measurements WHERE resolution = $1 AND at_ms < $2', [resolution, oldestKept(nowMs, resolution)]);
    await query(tx, 'DELETE FROM measurement_sources WHERE seen_at_ms < $1', [nowMs - SOURCE_RETENTION_MS]);
    // Series that a living source has given up: it names all it has every minute.
    await query(
      tx,
      `DELETE FROM measurement_baselines b USING measurement_sources s
        WHERE b.source = s.source AND b.seen_at_ms < s.seen_at_ms - $1::bigint`,
      [SERIES_RETENTION_MS],
    );
  }
}

const SERIES_RETENTION_MS = 86_400_000;

export function toBucket(row: BucketRow): Bucket {
  return { ...toPlace(row), resolution: row.resolution, atMs: Number(row.at_ms), measures: row.measures };
}

function toBaseline(row: BaselineRow): StoredBaseline {
  return {
    ...toPlace(row),
    source: row.source,
    series: Number(row.series),
    sequence: Number(row.sequence),
    inFlight: Number(row.in_flight),
    seenAtMs: Number(row.seen_at_ms),
    measures: row.measures,
  };
}

/** The database has no null in a key: version 0 and instance '' stand for it. */
function toPlace({ namespace, app, service, version, instance }: PlaceRow): Place {
  return { namespace, app, service, version: version === 0 ? null : version, instance: instance === '' ? null : instance };
}

function toPlaceRow({ namespace, app, service, version, instance }: Place): PlaceRow {
  return { namespace, app, service, version: version ?? 0, instance: instance ?? '' };
}

function toBucketKeyRow({ resolution, atMs, ...place }: Omit<Bucket, 'measures'>) {
  return { ...toPlaceRow(place), resolution, at_ms: atMs };
}
