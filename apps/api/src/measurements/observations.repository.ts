import { addMeasures, floorTo, type Measures, noMeasures, RESOLUTIONS, RETENTION } from '@app-fabric/measurement';
import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import { type Observation, observationKey } from './ledger.js';

interface ObservationRow {
  namespace: string;
  app: string;
  version: number;
  since_ms: string;
  measures: Measures;
}

interface AppRef {
  namespace: string;
  app: string;
}

/**
 * What was counted of single versions since a moment of one's choice: for a comparison of versions over exactly the same time, which buckets
 * are too coarse for and not kept long enough. Costs only while somebody observes.
 */
@Injectable()
export class ObservationsRepository {
  /** Begins anew for these versions, all at the same moment; what is on its way and was counted before is left out. */
  async begin(tx: Transaction, { namespace, app }: AppRef, versions: readonly number[], sinceMs: number): Promise<void> {
    await this.end(tx, { namespace, app });
    await query(
      tx,
      `INSERT INTO measurement_observations (namespace, app, version, since_ms, measures)
       SELECT $1, $2, version, $4, $5 FROM unnest($3::integer[]) AS r(version)`,
      [namespace, app, versions, Math.round(sinceMs), JSON.stringify(noMeasures())],
    );
  }

  async end(tx: Transaction, { namespace, app }: AppRef): Promise<void> {
    await this.lockOf(tx, [{ namespace, app }]);
    await query(tx, 'DELETE FROM measurement_observations WHERE namespace = $1 AND app = $2', [namespace, app]);
  }

  /** By version. */
  async of(tx: Transaction, { namespace, app }: AppRef): Promise<Map<number, Observation>> {
    const rows = await query<ObservationRow>(tx, 'SELECT * FROM measurement_observations WHERE namespace = $1 AND app = $2', [
      namespace,
      app,
    ]);
    return new Map(rows.map((row) => [row.version, toObservation(row)]));
  }

  /** What the finest buckets have counted of single versions, from the one in which `fromMs` lies. Of the last hour only: longer they are not kept. */
  async since(tx: Transaction, { namespace, app }: AppRef, versions: readonly number[], fromMs: number): Promise<Map<number, Measures>> {
    const rows = await query<Pick<ObservationRow, 'version' | 'measures'>>(
      tx,
      `SELECT version, measures FROM measurements
        WHERE namespace = $1 AND app = $2 AND version = ANY($3::integer[]) AND instance = '' AND resolution = 10 AND at_ms >= $4`,
      [namespace, app, versions, floorTo(fromMs, 10)],
    );
    const counted = new Map(versions.map((version) => [version, noMeasures()]));
    for (const { version, measures } of rows) counted.set(version, addMeasures(counted.get(version)!, measures));
    return counted;
  }

  /** How much of a time lies in buckets in which requests of the version were counted. */
  async measuredMs(tx: Transaction, { namespace, app }: AppRef, version: number, fromMs: number, toMs: number): Promise<number> {
    const resolution = RESOLUTIONS.find((seconds) => toMs - fromMs <= RETENTION[seconds] * 1_000) ?? 3_600;
    const [row] = await query<{ buckets: string }>(
      tx,
      `SELECT count(DISTINCT at_ms) AS buckets FROM measurements
        WHERE namespace = $1 AND app = $2 AND version = $3 AND instance = '' AND resolution = $4 AND at_ms >= $5 AND at_ms < $6`,
      [namespace, app, version, resolution, floorTo(fromMs, resolution), Math.ceil(toMs)],
    );
    return Math.min(toMs - fromMs, Number(row!.buckets) * resolution * 1_000);
  }

  /** All of these apps; nobody else changes them until the transaction ends. Always in the same order, so that no two wait for each other. */
  async lockOf(tx: Transaction, apps: readonly AppRef[]): Promise<Map<string, Observation>> {
    const rows = await query<ObservationRow>(
      tx,
      `SELECT * FROM measurement_observations WHERE (namespace, app) IN (SELECT * FROM unnest($1::text[], $2::text[]))
        ORDER BY namespace, app, version FOR UPDATE`,
      [apps.map(({ namespace }) => namespace), apps.map(({ app }) => app)],
    );
    return new Map(rows.map((row) => [observationKey(row), toObservation(row)]));
  }

  /** Only what {@link lockOf} gave. */
  async save(tx: Transaction, observations: readonly Observation[]): Promise<void> {
    for (const { namespace, app, version, measures } of observations)
      await query(tx, 'UPDATE measurement_observations SET measures = $4 WHERE namespace = $1 AND app = $2 AND version = $3', [
        namespace,
        app,
        version,
        JSON.stringify(measures),
      ]);
  }
}

function toObservation({ namespace, app, version, since_ms, measures }: ObservationRow): Observation {
  return { namespace, app, version, sinceMs: Number(since_ms), measures };
}
