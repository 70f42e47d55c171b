import { type ReleasePlan, type ReleaseState, withDefaults } from '@app-fabric/release';
import { fromRecord, toRecord } from '@app-fabric/routing';
import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import type { AppRef, Release, ReleaseProgress } from './release.js';

/** Channel on which the replicas tell each other that something has happened to a release. */
export const RELEASES_CHANNEL = 'fabric_releases';

interface ReleaseRow {
  release_id: string;
  namespace: string;
  app: string;
  candidate: number;
  baseline: number;
  plan_name: string | null;
  plan: ReleasePlan;
  state: ReleaseState;
  revision: number;
  base: { weights: Record<string, number>; revision: number; instances: Record<string, number> };
  progress: ReleaseProgress;
  reason: string | null;
  started_by: string;
  started_at: Date;
  freeze_override: string | null;
}

/** An active release, and the change of routes that gave its app the present weights. */
export interface ActiveRelease extends AppRef {
  id: string;
  routeRevision: number;
}

@Injectable()
export class ReleasesRepository {
  /** By the database's clock, which all replicas share. */
  async nowMs(tx: Transaction): Promise<number> {
    const [row] = await query<{ now_ms: string }>(tx, 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms');
    return Number(row!.now_ms);
  }

  /** False when the app has an active release. */
  async insert(tx: Transaction, release: Release): Promise<boolean> {
    const rows = await query(
      tx,
      `INSERT INTO releases (release_id, namespace, app, candidate, baseline, plan_name, plan, state, status, base, progress, reason,
                             started_by, started_at, freeze_override)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
       ON CONFLICT (namespace, app) WHERE ended_at IS NULL DO NOTHING RETURNING release_id`,
      [
        release.id,
        release.namespace,
        release.app,
        release.candidate,
        release.baseline,
        release.planName,
        JSON.stringify(release.plan),
        JSON.stringify(release.state),
        release.state.status,
        JSON.stringify({ ...release.base, weights: toRecord(release.base.weights) }),
        JSON.stringify(release.progress),
        release.reason,
        release.startedBy,
        release.startedAt,
        release.freezeOverride,
      ],
    );
    return rows.length > 0;
  }

  async find(tx: Transaction, { namespace, app }: AppRef, id: string): Promise<Release | null> {
    const [row] = await query<ReleaseRow>(tx, 'SELECT * FROM releases WHERE namespace = $1 AND app = $2 AND release_id = $3', [
      namespace,
      app,
      id,
    ]);
    return row ? toRelease(row) : null;
  }

  /** The active release, which nobody else can change until the transaction ends; `SKIP LOCKED`: null also when somebody is at it. */
  async lock(tx: Transaction, id: string, mode: '' | 'SKIP LOCKED' = ''): Promise<Release | null> {
    const [row] = await query<ReleaseRow>(
      tx,
      `SELECT * FROM releases WHERE release_id = $1 AND ended_at IS NULL FOR NO KEY UPDATE ${mode}`,
      [id],
    );
    return row ? toRelease(row) : null;
  }

  /** The app's active release, locked. */
  async lockActiveOf(tx: Transaction, { namespace, app }: AppRef): Promise<Release | null> {
    const [row] = await query<ReleaseRow>(
      tx,
      'SELECT * FROM releases WHERE namespace = $1 AND app = $2 AND ended_at IS NULL FOR NO KEY UPDATE',
      [namespace, app],
    );
    return row ? toRelease(row) : null;
  }

  async findActiveOf(tx: Transaction, { namespace, app }: AppRef): Promise<Release | null> {
    const [row] = await query<ReleaseRow>(tx, 'SELECT * FROM releases WHERE namespace = $1 AND app = $2 AND ended_at IS NULL', [
      namespace,
      app,
    ]);
    return row ? toRelease(row) : null;
  }

  /** Newest first. `before`: the last one of the page before. */
  async list(
    tx: Transaction,
    { namespace, app }: AppRef,
    limit: number,
    before: { startedAtMs: number; id: string } | null,
  ): Promise<Release[]> {
    const rows = await query<ReleaseRow>(
      tx,
      `SELECT * FROM releases WHERE namespace = $1 AND app = $2
          AND ($3::timestamptz IS NULL OR (date_trunc('milliseconds', started_at), release_id) < ($3, $4::uuid))
        ORDER BY date_trunc('milliseconds', started_at) DESC, release_id DESC LIMIT $5`,
      [namespace, app, before && new Date(before.startedAtMs), before?.id ?? null, limit],
    );
    return rows.map(toRelease);
  }

  /** Active ones that want something, oldest first: of one that leaves everything as it is nothing changes until somebody says so. */
  async enforced(tx: Transaction): Promise<ActiveRelease[]> {
    const rows = await query<{ release_id: string; namespace: string; app: string; route_revision: string | null }>(
      tx,
      `SELECT r.release_id, r.namespace, r.app, d.route_revision FROM releases r
         LEFT JOIN distributions d ON d.namespace = r.namespace AND d.app = r.app AND d.service = ''
        WHERE r.ended_at IS NULL AND (r.state->'wanted'->>'enforced')::boolean ORDER BY r.started_at, r.release_id`,
    );
    return rows.map(({ release_id, namespace, app, route_revision }) => ({
      id: release_id,
      namespace,
      app,
      routeRevision: Number(route_revision ?? 0),
    }));
  }

  /** What changes of a release. `seen`: something that its readers know it by has changed. */
  async update(tx: Transaction, release: Release, seen: boolean): Promise<void> {
    const { id, state, progress, freezeOverride } = release;
    await query(
      tx,
      `UPDATE releases SET state = $2, status = $3, progress = $4, ended_at = $5, revision = revision + $6, freeze_override = $7
        WHERE release_id = $1`,
      [
        id,
        JSON.stringify(state),
        state.status,
        JSON.stringify(progress),
        state.endedAt === null ? null : new Date(state.endedAt),
        seen ? 1 : 0,
        freezeOverride,
      ],
    );
  }

  /** Wakes whoever waits for something of the release, once the transaction is committed. */
  async tell(tx: Transaction, id: string): Promise<void> {
    await query(tx, `SELECT pg_notify('${RELEASES_CHANNEL}', $1)`, [id]);
  }

  /** How many there are of each status, and how many active ones were judged how. */
  async counts(tx: Transaction): Promise<{ status: string; stability: string | null; availability: string | null; count: number }[]> {
    return query(
      tx,
      `SELECT status, CASE WHEN ended_at IS NULL THEN progress->'judgement'->'stability'->>'verdict' END AS stability,
              CASE WHEN ended_at IS NULL THEN progress->'judgement'->'availability'->>'verdict' END AS availability, count(*)::integer AS count
         FROM releases GROUP BY 1, 2, 3`,
    );
  }
}

function toRelease(row: ReleaseRow): Release {
  return {
    id: row.release_id,
    namespace: row.namespace,
    app: row.app,
    candidate: row.candidate,
    baseline: row.baseline,
    planName: row.plan_name,
    plan: withDefaults(row.plan),
    state: { ...row.state, waitedMs: row.state.waitedMs ?? 0 }, // of a release that began before there was a deadline
    revision: row.revision,
    base: { ...row.base, weights: fromRecord(row.base.weights) },
    progress: row.progress,
    reason: row.reason,
    startedBy: row.started_by,
    startedAt: row.started_at,
    freezeOverride: row.freeze_override,
  };
}
