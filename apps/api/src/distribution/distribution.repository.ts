import { fromRecord, toRecord, type Weights } from '@app-fabric/routing';
import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import type { ChangeAuthor, DistributionRevision, DistributionScope, DistributionSource } from './distribution.js';
import type { DistributionView } from './distribution-rules.js';

interface RevisionRow {
  revision: number;
  weights: Record<string, number> | null;
  updated_at: Date;
  updated_by: string;
  source: DistributionSource;
  reason: string | null;
  route_revision: string;
}

@Injectable()
export class DistributionRepository {
  /** What is stored and what runs, for the rules. */
  async view(tx: Transaction, namespace: string, app: string): Promise<DistributionView> {
    const stored = await query<{ service: string; weights: Record<string, number> }>(
      tx,
      'SELECT service, weights FROM distributions WHERE namespace = $1 AND app = $2',
      [namespace, app],
    );
    const runs = await query<{ service: string; version: number }>(
      tx,
      `SELECT program_name AS service, version FROM runs
        WHERE namespace = $1 AND app = $2 AND program_type = 'service' AND status = 'RUNNING' ORDER BY program_name, version`,
      [namespace, app],
    );
    const weights = new Map(stored.map((row) => [row.service, fromRecord(row.weights)]));
    const running = new Map<string, Set<number>>();
    for (const { service, version } of runs) running.set(service, (running.get(service) ?? new Set()).add(version));
    const own = weights.get('') ?? null;
    weights.delete('');
    return { app: own, overrides: weights, running };
  }

  async current(tx: Transaction, scope: DistributionScope): Promise<DistributionRevision | null> {
    const [row] = await query<RevisionRow>(tx, `SELECT * FROM distributions WHERE ${SCOPE}`, values(scope));
    return row ? toRevision(row) : null;
  }

  /** Stores the weights (null: removes them) as the scope's next revision, in table and history. Returns the revision. */
  async store(
    tx: Transaction,
    scope: DistributionScope,
    weights: Weights | null,
    author: ChangeAuthor,
    routeRevision: number,
  ): Promise<number> {
    const [row] = await query<{ revision: number }>(
      tx,
      `INSERT INTO distribution_history (namespace, app, service, revision, weights, updated_at, updated_by, source, reason, route_revision)
       SELECT $1, $2, $3, COALESCE(MAX(revision), 0) + 1, $4::jsonb, clock_timestamp(), $5, $6, $7, $8
         FROM distribution_history WHERE ${SCOPE} RETURNING revision`,
      [...values(scope), weights && JSON.stringify(toRecord(weights)), author.by, author.source, author.reason, routeRevision],
    );
    await query(tx, `DELETE FROM distributions WHERE ${SCOPE}`, values(scope));
    if (weights) {
      await query(
        tx,
        `INSERT INTO distributions (namespace, app, service, revision, weights, updated_at, updated_by, source, reason, route_revision)
         SELECT namespace, app, service, revision, weights, updated_at, updated_by, source, reason, route_revision
           FROM distribution_history WHERE ${SCOPE} AND revision = $4`,
        [...values(scope), row!.revision],
      );
    }
    return row!.revision;
  }

  async revision(tx: Transaction, scope: DistributionScope, revision: number): Promise<DistributionRevision | null> {
    const [row] = await query<RevisionRow>(tx, `SELECT * FROM distribution_history WHERE ${SCOPE} AND revision = $4`, [
      ...values(scope),
      revision,
    ]);
    return row ? toRevision(row) : null;
  }

  /** Newest first, those before `before` (exclusive). */
  async history(tx: Transaction, scope: DistributionScope, limit: number, before: number | null): Promise<DistributionRevision[]> {
    const rows = await query<RevisionRow>(
      tx,
      `SELECT * FROM distribution_history WHERE ${SCOPE} AND ($4::integer IS NULL OR revision < $4) ORDER BY revision DESC LIMIT $5`,
      [...values(scope), before, limit],
    );
    return rows.map(toRevision);
  }

  /** The fallback in force, or null when there is no such app. */
  async fallbackOf(tx: Transaction, namespace: string, app: string): Promise<string | null> {
    const [row] = await query<{ fallback: string }>(tx, 'SELECT fallback FROM apps WHERE namespace = $1 AND name = $2', [namespace, app]);
    return row?.fallback ?? null;
  }

  /** Does any version's artifact declare this service? */
  async serviceExists(tx: Transaction, scope: DistributionScope): Promise<boolean> {
    const rows = await query(
      tx,
      `SELECT 1 FROM app_versions v
         JOIN artifact_versions a ON a.namespace = v.namespace AND a.artifact = v.artifact_name AND a.version = v.artifact_version
        WHERE v.namespace = $1 AND v.app = $2
          AND a.programs @> jsonb_build_array(jsonb_build_object('type', 'service', 'name', $3::text)) LIMIT 1`,
      values(scope),
    );
    return rows.length > 0;
  }
}

const SCOPE = 'namespace = $1 AND app = $2 AND service = $3';

function values({ namespace, app, service }: DistributionScope): [string, string, string] {
  return [namespace, app, service];
}

function toRevision(row: RevisionRow): DistributionRevision {
  return {
    revision: row.revision,
    weights: row.weights && fromRecord(row.weights),
    updatedAt: row.updated_at,
    updatedBy: row.updated_by,
    source: row.source,
    reason: row.reason,
    routeRevision: Number(row.route_revision),
  };
}
