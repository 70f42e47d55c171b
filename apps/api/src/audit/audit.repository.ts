import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import type { AuditAction, AuditEntry, NewAuditEntry } from './audit-entry.js';

/** Entries of one namespace that are kept, the newest. */
const MAX_ENTRIES = 10_000;

interface Row {
  id: number;
  namespace: string;
  at: Date;
  by: string;
  action: AuditAction;
  subject: string;
  detail: Record<string, unknown>;
}

@Injectable()
export class AuditRepository {
  /** In the transaction of what was done: neither is there without the other. */
  async write(tx: Transaction, { namespace, by, action, subject, detail }: NewAuditEntry): Promise<void> {
    await query(tx, 'INSERT INTO audit_entries (namespace, by, action, subject, detail) VALUES ($1, $2, $3, $4, $5)', [
      namespace,
      by,
      action,
      subject,
      JSON.stringify(detail),
    ]);
    await query(
      tx,
      `DELETE FROM audit_entries WHERE namespace = $1
         AND id <= (SELECT id FROM audit_entries WHERE namespace = $1 ORDER BY id DESC OFFSET ${MAX_ENTRIES} LIMIT 1)`,
      [namespace],
    );
  }

  /** Newest first, those before `before` (exclusive). */
  async list(tx: Transaction, namespace: string, limit: number, before: number | null): Promise<AuditEntry[]> {
    return query<Row>(
      tx,
      'SELECT * FROM audit_entries WHERE namespace = $1 AND ($2::integer IS NULL OR id < $2) ORDER BY id DESC LIMIT $3',
      [namespace, before, limit],
    );
  }

  async namespaceExists(tx: Transaction, namespace: string): Promise<boolean> {
    return (await query(tx, 'SELECT 1 FROM namespaces WHERE name = $1', [namespace])).length > 0;
  }
}
