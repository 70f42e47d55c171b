import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import type { Freeze, FreezeContent } from './freeze.js';

interface Row {
  namespace: string;
  name: string;
  from_at: Date;
  to_at: Date;
  reason: string;
  revision: number;
  created_at: Date;
  updated_at: Date;
  updated_by: string;
  open: boolean;
}

const OPEN = 'from_at <= now() AND now() < to_at';
const SELECT = `SELECT *, (${OPEN}) AS open FROM freezes`;

@Injectable()
export class FreezesRepository {
  /** Locked against other writers of its freezes until the transaction ends. */
  async lockNamespace(tx: Transaction, namespace: string): Promise<boolean> {
    return (await query(tx, 'SELECT 1 FROM namespaces WHERE name = $1 FOR NO KEY UPDATE', [namespace])).length > 0;
  }

  async namespaceExists(tx: Transaction, namespace: string): Promise<boolean> {
    return (await query(tx, 'SELECT 1 FROM namespaces WHERE name = $1', [namespace])).length > 0;
  }

  async find(tx: Transaction, namespace: string, name: string): Promise<Freeze | null> {
    const [row] = await query<Row>(tx, `${SELECT} WHERE namespace = $1 AND name = $2`, [namespace, name]);
    return row ? toFreeze(row) : null;
  }

  /** By name, those after `after`. */
  async list(tx: Transaction, namespace: string, limit: number, after: string | null): Promise<Freeze[]> {
    const rows = await query<Row>(tx, `${SELECT} WHERE namespace = $1 AND ($2::text IS NULL OR name > $2) ORDER BY name LIMIT $3`, [
      namespace,
      after,
      limit,
    ]);
    return rows.map(toFreeze);
  }

  async count(tx: Transaction, namespace: string): Promise<number> {
    const [row] = await query<{ count: number }>(tx, 'SELECT count(*)::integer AS count FROM freezes WHERE namespace = $1', [namespace]);
    return row!.count;
  }

  /** The one that ends last of those that are open now. */
  async open(tx: Transaction, namespace: string): Promise<Freeze | null> {
    const [row] = await query<Row>(tx, `${SELECT} WHERE namespace = $1 AND ${OPEN} ORDER BY to_at DESC, name LIMIT 1`, [namespace]);
    return row ? toFreeze(row) : null;
  }

  async put(tx: Transaction, namespace: string, name: string, { from, to, reason }: FreezeContent, by: string): Promise<Freeze> {
    const [row] = await query<Row>(
      tx,
      `INSERT INTO freezes (namespace, name, from_at, to_at, reason, updated_by) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (namespace, name) DO UPDATE
         SET from_at = $3, to_at = $4, reason = $5, updated_by = $6, revision = freezes.revision + 1, updated_at = now()
       RETURNING *, (${OPEN}) AS open`,
      [namespace, name, from, to, reason, by],
    );
    return toFreeze(row!);
  }

  async delete(tx: Transaction, namespace: string, name: string): Promise<void> {
    await query(tx, 'DELETE FROM freezes WHERE namespace = $1 AND name = $2', [namespace, name]);
  }
}

function toFreeze(row: Row): Freeze {
  return {
    namespace: row.namespace,
    name: row.name,
    from: row.from_at,
    to: row.to_at,
    reason: row.reason,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    updatedBy: row.updated_by,
    open: row.open,
  };
}
