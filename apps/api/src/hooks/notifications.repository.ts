import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import type { Notification, NotificationContent, NotificationFormat } from './notification.js';

interface Row {
  namespace: string;
  name: string;
  url: string;
  secret: string | null;
  events: string[] | null;
  format: NotificationFormat;
  revision: number;
  created_at: Date;
  updated_at: Date;
  updated_by: string;
}

@Injectable()
export class NotificationsRepository {
  async find(tx: Transaction, namespace: string, name: string): Promise<Notification | null> {
    const [row] = await query<Row>(tx, 'SELECT * FROM notifications WHERE namespace = $1 AND name = $2', [namespace, name]);
    return row ? toNotification(row) : null;
  }

  /** By name, those after `after`. */
  async list(tx: Transaction, namespace: string, limit: number, after: string | null): Promise<Notification[]> {
    const rows = await query<Row>(
      tx,
      'SELECT * FROM notifications WHERE namespace = $1 AND ($2::text IS NULL OR name > $2) ORDER BY name LIMIT $3',
      [namespace, after, limit],
    );
    return rows.map(toNotification);
  }

  async count(tx: Transaction, namespace: string): Promise<number> {
    const [row] = await query<{ count: number }>(tx, 'SELECT count(*)::integer AS count FROM notifications WHERE namespace = $1', [
      namespace,
    ]);
    return row!.count;
  }

  async put(tx: Transaction, namespace: string, name: string, content: NotificationContent, by: string): Promise<Notification> {
    const { url, secret, events, format } = content;
    const [row] = await query<Row>(
      tx,
      `INSERT INTO notifications (namespace, name, url, secret, events, format, updated_by) VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (namespace, name) DO UPDATE SET url = $3, secret = $4, events = $5, format = $6, updated_by = $7,
         revision = notifications.revision + 1, updated_at = now() RETURNING *`,
      [namespace, name, url, secret, events === null ? null : JSON.stringify(events), format, by],
    );
    return toNotification(row!);
  }

  async delete(tx: Transaction, namespace: string, name: string): Promise<void> {
    await query(tx, 'DELETE FROM notifications WHERE namespace = $1 AND name = $2', [namespace, name]);
  }

  /** Whoever changes notifications of the namespace waits for the end of the transaction. False: there is no such namespace. */
  async lockNamespace(tx: Transaction, namespace: string): Promise<boolean> {
    return (await query(tx, 'SELECT 1 FROM namespaces WHERE name = $1 FOR NO KEY UPDATE', [namespace])).length > 0;
  }

  async namespaceExists(tx: Transaction, namespace: string): Promise<boolean> {
    return (await query(tx, 'SELECT 1 FROM namespaces WHERE name = $1', [namespace])).length > 0;
  }
}

function toNotification(row: Row): Notification {
  const { namespace, name, url, secret, events, format, revision } = row;
  return {
    namespace,
    name,
    url,
    secret,
    events,
    format,
    revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    updatedBy: row.updated_by,
  };
}
