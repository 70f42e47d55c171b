import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';

/** With it the webhooks of a namespace are signed that have no secret of their own. */
export interface WebhookSecret {
  secret: string;
  revision: number;
  createdAt: Date;
  updatedAt: Date;
  updatedBy: string;
}

interface Row {
  secret: string;
  revision: number;
  created_at: Date;
  updated_at: Date;
  updated_by: string;
}

@Injectable()
export class WebhookSecretsRepository {
  async find(tx: Transaction, namespace: string): Promise<WebhookSecret | null> {
    const [row] = await query<Row>(tx, 'SELECT * FROM webhook_secrets WHERE namespace = $1', [namespace]);
    return row ? toSecret(row) : null;
  }

  async put(tx: Transaction, namespace: string, secret: string, by: string): Promise<WebhookSecret> {
    const [row] = await query<Row>(
      tx,
      `INSERT INTO webhook_secrets (namespace, secret, updated_by) VALUES ($1, $2, $3)
       ON CONFLICT (namespace) DO UPDATE SET secret = $2, updated_by = $3, revision = webhook_secrets.revision + 1, updated_at = now() RETURNING *`,
      [namespace, secret, by],
    );
    return toSecret(row!);
  }

  async delete(tx: Transaction, namespace: string): Promise<void> {
    await query(tx, 'DELETE FROM webhook_secrets WHERE namespace = $1', [namespace]);
  }
}

function toSecret({ secret, revision, created_at, updated_at, updated_by }: Row): WebhookSecret {
  return { secret, revision, createdAt: created_at, updatedAt: updated_at, updatedBy: updated_by };
}
