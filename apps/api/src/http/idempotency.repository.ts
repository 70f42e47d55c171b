import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';

export interface StoredAnswer {
  status: number;
  headers: Record<string, string>;
  /** JSON; null for none. */
  body: string | null;
}

/** Whose key it is, and the request that it stands for. */
export interface IdempotentRequest {
  principal: string;
  key: string;
  requestHash: string;
}

export interface KeyState {
  requestHash: string;
  /** Null while the first request still runs. */
  answer: StoredAnswer | null;
}

const RETENTION = "interval '24 hours'";

@Injectable()
export class IdempotencyRepository {
  /** Takes the key for `leaseSeconds`. False when it is in use, see {@link find}. A key whose holder died, or that is old, is taken over. */
  async claim(
    tx: Transaction,
    { principal, key, requestHash }: IdempotentRequest,
    leaseId: string,
    leaseSeconds: number,
  ): Promise<boolean> {
    const rows = await query(
      tx,
      `INSERT INTO idempotency_keys AS k (principal, key, request_hash, lease_id, lease_until)
       VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
       ON CONFLICT (principal, key) DO UPDATE
         SET request_hash = excluded.request_hash, lease_id = excluded.lease_id, lease_until = excluded.lease_until,
             status = NULL, headers = NULL, body = NULL, created_at = clock_timestamp()
         WHERE k.created_at < clock_timestamp() - ${RETENTION}
            OR (k.status IS NULL AND k.lease_until < clock_timestamp() AND k.request_hash = excluded.request_hash)
       RETURNING key`,
      [principal, key, requestHash, leaseId, leaseSeconds],
    );
    return rows.length > 0;
  }

  async find(tx: Transaction, { principal, key }: IdempotentRequest): Promise<KeyState | null> {
    const [row] = await query<{ request_hash: string; status: number | null; headers: Record<string, string>; body: string | null }>(
      tx,
      'SELECT request_hash, status, headers, body FROM idempotency_keys WHERE principal = $1 AND key = $2',
      [principal, key],
    );
    if (!row) return null;
    const { request_hash: requestHash, status, headers, body } = row;
    return { requestHash, answer: status === null ? null : { status, headers, body } };
  }

  async renew(tx: Transaction, leaseId: string, leaseSeconds: number): Promise<void> {
    await query(
      tx,
      'UPDATE idempotency_keys SET lease_until = clock_timestamp() + make_interval(secs => $2) WHERE lease_id = $1 AND status IS NULL',
      [leaseId, leaseSeconds],
    );
  }

  async store(tx: Transaction, leaseId: string, { status, headers, body }: StoredAnswer): Promise<void> {
    await query(tx, 'UPDATE idempotency_keys SET status = $2, headers = $3, body = $4 WHERE lease_id = $1', [
      leaseId,
      status,
      JSON.stringify(headers),
      body,
    ]);
  }

  /** Nothing was changed by the request: the key is free again. */
  async release(tx: Transaction, leaseId: string): Promise<void> {
    await query(tx, 'DELETE FROM idempotency_keys WHERE lease_id = $1 AND status IS NULL', [leaseId]);
  }

  async prune(tx: Transaction): Promise<void> {
    await query(tx, `DELETE FROM idempotency_keys WHERE created_at < clock_timestamp() - ${RETENTION}`);
  }
}
