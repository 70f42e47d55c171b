import { type ReleasePlan, withDefaults } from '@app-fabric/release';
import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';

export interface StoredPlan {
  namespace: string;
  name: string;
  description: string | null;
  plan: ReleasePlan;
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

interface PlanRow {
  namespace: string;
  name: string;
  description: string | null;
  plan: ReleasePlan;
  revision: number;
  created_at: Date;
  updated_at: Date;
}

@Injectable()
export class ReleasePlansRepository {
  async find(tx: Transaction, namespace: string, name: string, lock = false): Promise<StoredPlan | null> {
    const [row] = await query<PlanRow>(tx, `SELECT * FROM release_plans WHERE namespace = $1 AND name = $2${lock ? ' FOR UPDATE' : ''}`, [
      namespace,
      name,
    ]);
    return row ? toPlan(row) : null;
  }

  /** By name, those after `after`. */
  async list(tx: Transaction, namespace: string, limit: number, after: string | null): Promise<StoredPlan[]> {
    const rows = await query<PlanRow>(
      tx,
      'SELECT * FROM release_plans WHERE namespace = $1 AND ($2::text IS NULL OR name > $2) ORDER BY name LIMIT $3',
      [namespace, after, limit],
    );
    return rows.map(toPlan);
  }

  async put(tx: Transaction, namespace: string, name: string, description: string | null, plan: ReleasePlan): Promise<StoredPlan> {
    const [row] = await query<PlanRow>(
      tx,
      `INSERT INTO release_plans (namespace, name, description, plan) VALUES ($1, $2, $3, $4)
       ON CONFLICT (namespace, name)
       DO UPDATE SET description = $3, plan = $4, revision = release_plans.revision + 1, updated_at = now() RETURNING *`,
      [namespace, name, description, JSON.stringify(plan)],
    );
    return toPlan(row!);
  }

  async delete(tx: Transaction, namespace: string, name: string): Promise<void> {
    await query(tx, 'DELETE FROM release_plans WHERE namespace = $1 AND name = $2', [namespace, name]);
  }

  async namespaceExists(tx: Transaction, namespace: string, lock = false): Promise<boolean> {
    return (await query(tx, `SELECT 1 FROM namespaces WHERE name = $1${lock ? ' FOR KEY SHARE' : ''}`, [namespace])).length > 0;
  }
}

function toPlan(row: PlanRow): StoredPlan {
  const { namespace, name, description, plan, revision } = row;
  return { namespace, name, description, plan: withDefaults(plan), revision, createdAt: row.created_at, updatedAt: row.updated_at };
}
