import type { TraceOrigin } from '@app-fabric/contracts';
import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';

/** Channel on which the replicas tell each other that a change was committed. */
export const ROUTES_CHANNEL = 'fabric_routes';

/** While the bus is away for long, older changes are dropped: then everything is published anew instead of step by step. */
export const OUTBOX_LIMIT = 10_000;

export interface OutboxEntry {
  revision: number;
  namespace: string;
  app: string;
  /** Of the request that made the change; null: it is not recorded. */
  trace: TraceOrigin | null;
}

export interface StoredHead {
  epoch: string;
  /** The newest committed change. */
  revision: number;
  /** The newest change that is known to be on the bus. */
  published: number;
}

@Injectable()
export class RouteOutboxRepository {
  async lockHead(tx: Transaction): Promise<void> {
    await query(tx, 'SELECT 1 FROM route_head WHERE id = 1 FOR UPDATE');
  }

  /** @param trace of the request that makes the change */
  async append(tx: Transaction, namespace: string, app: string, trace: TraceOrigin | null = null): Promise<number> {
    const [row] = await query<{ revision: string }>(
      tx,
      `WITH head AS (UPDATE route_head SET revision = revision + 1 WHERE id = 1 RETURNING revision),
            told AS (SELECT pg_notify('${ROUTES_CHANNEL}', '')),
            trimmed AS (DELETE FROM route_outbox USING head WHERE route_outbox.revision <= head.revision - ${OUTBOX_LIMIT})
       INSERT INTO route_outbox (revision, namespace, app, traceparent, tracestate)
       SELECT head.revision, $1, $2, $3, $4 FROM head, told RETURNING revision`,
      [namespace, app, trace?.traceparent ?? null, trace?.tracestate ?? null],
    );
    return Number(row!.revision);
  }

  async head(tx: Transaction): Promise<StoredHead> {
    const [row] = await query<{ epoch: string; revision: string; published: string }>(
      tx,
      'SELECT epoch, revision, published FROM route_head WHERE id = 1',
    );
    return { epoch: row!.epoch, revision: Number(row!.revision), published: Number(row!.published) };
  }

  /** Entries after `revision`, oldest first. */
  async after(tx: Transaction, revision: number, limit: number): Promise<OutboxEntry[]> {
    const rows = await query<{ revision: string; namespace: string; app: string; traceparent: string | null; tracestate: string | null }>(
      tx,
      'SELECT revision, namespace, app, traceparent, tracestate FROM route_outbox WHERE revision > $1 ORDER BY revision LIMIT $2',
      [revision, limit],
    );
    return rows.map(({ revision, namespace, app, traceparent, tracestate }) => ({
      revision: Number(revision),
      namespace,
      app,
      trace: traceparent === null ? null : { traceparent, ...(tracestate === null ? {} : { tracestate }) },
    }));
  }

  /** The oldest change that is still kept; null when there is none. */
  async oldest(tx: Transaction): Promise<number | null> {
    const [row] = await query<{ oldest: string | null }>(tx, 'SELECT min(revision) AS oldest FROM route_outbox');
    return row!.oldest === null ? null : Number(row!.oldest);
  }

  /** Everything up to `revision` is on the bus; the entries are not needed any more. */
  async markPublished(tx: Transaction, epoch: string, revision: number): Promise<void> {
    await query(
      tx,
      `WITH head AS (UPDATE route_head SET published = GREATEST(published, $2) WHERE id = 1 AND epoch = $1 RETURNING published)
       DELETE FROM route_outbox USING head WHERE route_outbox.revision <= head.published`,
      [epoch, revision],
    );
  }

  /**
   * A new name for this database's stream, for when what is on the bus is ahead of us (the database was restored from a backup). Nothing
   * happens when the stream is not called `epoch` any more or has reached `busRevision`.
   */
  async renewEpoch(tx: Transaction, epoch: string, busRevision: number): Promise<void> {
    await query(tx, 'UPDATE route_head SET epoch = gen_random_uuid() WHERE id = 1 AND epoch = $1 AND revision < $2', [epoch, busRevision]);
  }
}
