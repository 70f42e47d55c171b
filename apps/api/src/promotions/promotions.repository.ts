import { Injectable } from '@nestjs/common';
import type { VersionPlace } from '../apps/app.js';
import { query, type Transaction } from '../database/transaction.js';
import type { Interval } from './criteria.js';
import type { Approval, Entry, NewPromotion, Promotion } from './promotion.js';

interface Row {
  id: number;
  app: string;
  from_namespace: string;
  from_version: number;
  to_namespace: string;
  to_version: number;
  pipeline: string;
  entry: Entry['type'] | null;
  release_id: string | null;
  approval: Approval | null;
  freeze_override: string | null;
  by: string;
  at: Date;
}

/** Runs of a version that are looked at, the newest. */
const MAX_RUNS = 1_000;

@Injectable()
export class PromotionsRepository {
  async insert(tx: Transaction, { app, from, to, pipeline, entry, approval, freezeOverride, by }: NewPromotion): Promise<Promotion> {
    const [row] = await query<Row>(
      tx,
      `INSERT INTO promotions (app, from_namespace, from_version, to_namespace, to_version, pipeline, entry, release_id, approval, freeze_override, by)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING *`,
      [
        app,
        from.namespace,
        from.version,
        to.namespace,
        to.version,
        pipeline,
        entry?.type ?? null,
        entry?.releaseId ?? null,
        approval && JSON.stringify(approval),
        freezeOverride,
        by,
      ],
    );
    return toPromotion(row!);
  }

  /** What came of the version in that namespace, if it was promoted there and is there still. */
  async target(tx: Transaction, app: string, from: VersionPlace, toNamespace: string): Promise<VersionPlace | null> {
    const [row] = await query<{ to_version: number }>(
      tx,
      'SELECT to_version FROM promotions WHERE app = $1 AND from_namespace = $2 AND from_version = $3 AND to_namespace = $4',
      [app, from.namespace, from.version, toNamespace],
    );
    return row ? { namespace: toNamespace, version: row.to_version } : null;
  }

  /** From and into the namespace, newest first, those before `before` (exclusive). */
  async list(tx: Transaction, namespace: string, app: string, limit: number, before: number | null): Promise<Promotion[]> {
    const rows = await query<Row>(
      tx,
      `SELECT * FROM promotions WHERE app = $2 AND (from_namespace = $1 OR to_namespace = $1) AND ($3::integer IS NULL OR id < $3)
        ORDER BY id DESC LIMIT $4`,
      [namespace, app, before, limit],
    );
    return rows.map(toPromotion);
  }

  /** Is any service of the app active? */
  async runsService(tx: Transaction, namespace: string, app: string): Promise<boolean> {
    const rows = await query(
      tx,
      `SELECT 1 FROM runs WHERE namespace = $1 AND app = $2 AND program_type = 'service'
         AND status IN ('PENDING', 'STARTING', 'RUNNING', 'STOPPING') LIMIT 1`,
      [namespace, app],
    );
    return rows.length > 0;
  }

  /** When programs of the version ran: up to the moment in which their stop began. */
  async intervals(tx: Transaction, namespace: string, app: string, version: number): Promise<Interval[]> {
    return query<{ from: Date; to: Date | null }>(
      tx,
      `SELECT started_at AS "from", COALESCE(stopping_at, stopped_at) AS "to" FROM runs
        WHERE namespace = $1 AND app = $2 AND version = $3 AND started_at IS NOT NULL ORDER BY started_at DESC LIMIT ${MAX_RUNS}`,
      [namespace, app, version],
    );
  }
}

function toPromotion(row: Row): Promotion {
  return {
    id: row.id,
    app: row.app,
    from: { namespace: row.from_namespace, version: row.from_version },
    to: { namespace: row.to_namespace, version: row.to_version },
    pipeline: row.pipeline,
    entry: toEntry(row),
    approval: row.approval,
    freezeOverride: row.freeze_override,
    by: row.by,
    at: row.at,
  };
}

function toEntry({ entry, release_id: releaseId }: Row): Entry | null {
  if (entry === 'start') return { type: 'start', releaseId: null };
  return entry === 'release' && releaseId !== null ? { type: 'release', releaseId } : null;
}
