import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import type { Bucket, Place } from './ledger.js';
import { toBucket } from './measurements.repository.js';

/** In one answer. */
export const MAX_BUCKETS = 50_000;
/** A series with requests in flight is told of at least so often; one that is not belongs to a proxy that has gone. */
const IN_FLIGHT_FRESH_MS = 15_000;

export interface MetricsFilter {
  namespace: string;
  app: string;
  version: number | null;
  service: string | null;
  /** Those of instances, or those of versions as a whole. */
  instances: boolean;
}

const FILTER = `namespace = $1 AND app = $2 AND ($3::integer IS NULL OR version = $3) AND ($4::text IS NULL OR service = $4)
  AND (instance <> '') = $5`;

/** What answers are made of. */
@Injectable()
export class MetricsRepository {
  async appExists(tx: Transaction, namespace: string, app: string): Promise<boolean> {
    return (await query(tx, 'SELECT 1 FROM apps WHERE namespace = $1 AND name = $2', [namespace, app])).length > 0;
  }

  /** At most one more than {@link MAX_BUCKETS}. */
  async buckets(
    tx: Transaction,
    filter: MetricsFilter,
    { resolution, fromMs, toMs }: { resolution: number; fromMs: number; toMs: number },
  ): Promise<Bucket[]> {
    const rows = await query<Parameters<typeof toBucket>[0]>(
      tx,
      `SELECT * FROM measurements WHERE ${FILTER} AND resolution = $6 AND at_ms >= $7 AND at_ms < $8 LIMIT ${MAX_BUCKETS + 1}`,
      [...values(filter), resolution, Math.floor(fromMs), Math.ceil(toMs)],
    );
    return rows.map(toBucket);
  }

  async inFlight(tx: Transaction, filter: MetricsFilter, nowMs: number): Promise<{ place: Place; inFlight: number }[]> {
    const { namespace, app } = filter;
    const rows = await query<{ service: string; version: number; instance: string; in_flight: string }>(
      tx,
      `SELECT service, version, instance, sum(in_flight) AS in_flight FROM measurement_baselines
        WHERE ${FILTER} AND in_flight > 0 AND seen_at_ms > $6 GROUP BY 1, 2, 3`,
      [...values(filter), Math.floor(nowMs - IN_FLIGHT_FRESH_MS)],
    );
    return rows.map(({ service, version, instance, in_flight }) => ({
      place: { namespace, app, service, version: version === 0 ? null : version, instance: instance === '' ? null : instance },
      inFlight: Number(in_flight),
    }));
  }
}

function values({ namespace, app, version, service, instances }: MetricsFilter): unknown[] {
  return [namespace, app, version, service, instances];
}
