import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import type { Attempt, Delivery, DeliveryPoint, DeliveryStatus, DeliveryTarget, NewDelivery, Outcome } from './delivery.js';

/** Behind the time that an attempt may take: after it, who has begun it is taken for dead. */
const LEASE_MARGIN_MS = 30_000;
const KEPT_MS = 7 * 86_400_000;
/** Ended deliveries of one namespace, the newest. */
const KEPT_DELIVERIES = 10_000;

export interface DeliveryFilter {
  release: string | null;
  status: DeliveryStatus | null;
}

interface DeliveryRow {
  id: number;
  delivery_id: string;
  namespace: string;
  app: string;
  version: number;
  release_id: string;
  point: DeliveryPoint;
  notification: string;
  occasion: number;
  position: number;
  event: string;
  target: DeliveryTarget;
  body: string;
  status: DeliveryStatus;
  attempts: number;
  next_attempt_at: Date | null;
  run_id: string | null;
  deadline: Date | null;
  log: Attempt[];
  created_at: Date;
  ended_at: Date | null;
}

/** Times are those of {@link DeliveryClock}. */
@Injectable()
export class DeliveriesRepository {
  /** What is there already for the same occasion is left as it is. The first position is due at once, those behind wait for it. */
  async add(tx: Transaction, deliveries: readonly NewDelivery[], nowMs: number): Promise<void> {
    for (const one of deliveries) {
      const isFirst = one.position === 0;
      await query(
        tx,
        `INSERT INTO deliveries (delivery_id, namespace, app, version, release_id, point, notification, occasion, position, event, target, body,
                                 status, next_attempt_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         ON CONFLICT (release_id, point, notification, occasion, position) DO NOTHING`,
        [
          one.deliveryId,
          one.namespace,
          one.app,
          one.version,
          one.releaseId,
          one.point,
          one.notification,
          one.occasion,
          one.position,
          one.event,
          JSON.stringify(one.target),
          one.body,
          isFirst ? 'pending' : 'waiting',
          isFirst ? new Date(nowMs) : null,
          new Date(nowMs),
        ],
      );
    }
  }

  /** In their order. */
  async ofOccasion(tx: Transaction, releaseId: string, point: DeliveryPoint, occasion: number): Promise<Delivery[]> {
    const rows = await query<DeliveryRow>(
      tx,
      'SELECT * FROM deliveries WHERE release_id = $1 AND point = $2 AND occasion = $3 ORDER BY position',
      [releaseId, point, occasion],
    );
    return rows.map(toDelivery);
  }

  /** Hooks before a stage that is not being entered any more. One that is being called right now is not held back. */
  async cancelBefore(tx: Transaction, releaseId: string, exceptOccasion: number | null, nowMs: number): Promise<void> {
    await query(
      tx,
      `UPDATE deliveries SET status = 'cancelled', next_attempt_at = NULL, ended_at = $3
        WHERE release_id = $1 AND point = 'before' AND ended_at IS NULL AND ($2::integer IS NULL OR occasion <> $2)`,
      [releaseId, exceptOccasion, new Date(nowMs)],
    );
  }

  /**
   * Takes what is due, at most `limit`: each belongs to the caller until its attempt must be over. Rows are locked only for this statement, so no
   * transaction is open while somebody is called.
   */
  async claim(tx: Transaction, nowMs: number, limit: number): Promise<Delivery[]> {
    const rows = await query<DeliveryRow>(
      tx,
      `UPDATE deliveries SET attempts = attempts + 1,
              next_attempt_at = $1::timestamptz + make_interval(secs => ((target->>'timeoutMs')::double precision + ${LEASE_MARGIN_MS}) / 1000)
        WHERE id IN (SELECT id FROM deliveries WHERE next_attempt_at <= $1 ORDER BY next_attempt_at, id LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING *`,
      [new Date(nowMs), limit],
    );
    return rows.map(toDelivery);
  }

  /** False when it is not the caller's any more: somebody has taken over, or it was cancelled. */
  async settle(tx: Transaction, { id, attempts }: Delivery, outcome: Outcome, attempt: Attempt | null, nowMs: number): Promise<boolean> {
    const isOver = outcome.then !== 'later';
    const rows = await query<DeliveryRow>(
      tx,
      `UPDATE deliveries SET status = $3, next_attempt_at = $4, ended_at = $5, log = log || $6::jsonb
        WHERE id = $1 AND attempts = $2 AND ended_at IS NULL RETURNING *`,
      [
        id,
        attempts,
        isOver ? outcome.then : 'pending',
        isOver ? null : new Date(nowMs + outcome.afterMs),
        isOver ? new Date(nowMs) : null,
        JSON.stringify(attempt === null ? [] : [attempt]),
      ],
    );
    const [row] = rows;
    if (row && isOver) await this.goOn(tx, toDelivery(row), nowMs);
    return row !== undefined;
  }

  /** A flow was started for it. False as in {@link settle}. */
  async begun(tx: Transaction, { id, attempts }: Delivery, runId: string, deadlineMs: number): Promise<boolean> {
    const rows = await query(
      tx,
      'UPDATE deliveries SET run_id = $3, deadline = $4 WHERE id = $1 AND attempts = $2 AND ended_at IS NULL RETURNING id',
      [id, attempts, runId, new Date(deadlineMs)],
    );
    return rows.length > 0;
  }

  async find(tx: Transaction, namespace: string, deliveryId: string): Promise<Delivery | null> {
    const [row] = await query<DeliveryRow>(tx, 'SELECT * FROM deliveries WHERE namespace = $1 AND delivery_id = $2', [
      namespace,
      deliveryId,
    ]);
    return row ? toDelivery(row) : null;
  }

  /** Newest first, those before `before` (exclusive). */
  async list(
    tx: Transaction,
    namespace: string,
    { release, status }: DeliveryFilter,
    limit: number,
    before: number | null,
  ): Promise<Delivery[]> {
    const rows = await query<DeliveryRow>(
      tx,
      `SELECT * FROM deliveries WHERE namespace = $1 AND ($2::uuid IS NULL OR release_id = $2) AND ($3::text IS NULL OR status = $3)
          AND ($4::integer IS NULL OR id < $4) ORDER BY id DESC LIMIT $5`,
      [namespace, release, status, before, limit],
    );
    return rows.map(toDelivery);
  }

  async tidy(tx: Transaction, nowMs: number): Promise<void> {
    await query(tx, 'DELETE FROM deliveries WHERE ended_at < $1', [new Date(nowMs - KEPT_MS)]);
    await query(
      tx,
      `DELETE FROM deliveries d USING (
         SELECT id, row_number() OVER (PARTITION BY namespace ORDER BY id DESC) AS nth FROM deliveries WHERE ended_at IS NOT NULL) AS ranked
       WHERE d.id = ranked.id AND ranked.nth > ${KEPT_DELIVERIES}`,
    );
  }

  /** What is behind it in its occasion: due now, or not wanted any more. */
  private async goOn(
    tx: Transaction,
    { releaseId, point, notification, occasion, position, status }: Delivery,
    nowMs: number,
  ): Promise<void> {
    const succeeded = status === 'succeeded';
    await query(
      tx,
      `UPDATE deliveries SET status = $6, next_attempt_at = $7, ended_at = $8
        WHERE release_id = $1 AND point = $2 AND notification = $3 AND occasion = $4 AND status = 'waiting'
          AND position ${succeeded ? '=' : '>='} $5::integer + 1`,
      [
        releaseId,
        point,
        notification,
        occasion,
        position,
        succeeded ? 'pending' : 'skipped',
        succeeded ? new Date(nowMs) : null,
        succeeded ? null : new Date(nowMs),
      ],
    );
  }
}

function toDelivery(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    deliveryId: row.delivery_id,
    namespace: row.namespace,
    app: row.app,
    version: row.version,
    releaseId: row.release_id,
    point: row.point,
    notification: row.notification,
    occasion: row.occasion,
    position: row.position,
    event: row.event,
    target: row.target,
    body: row.body,
    status: row.status,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at,
    runId: row.run_id,
    deadline: row.deadline,
    log: row.log,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  };
}
