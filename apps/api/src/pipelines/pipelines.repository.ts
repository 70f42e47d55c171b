import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import type { Pipeline, PipelineContent, Stage } from './pipeline.js';

interface Row {
  name: string;
  description: string | null;
  stages: Stage[];
  revision: number;
  created_at: Date;
  updated_at: Date;
  updated_by: string;
}

/** Any constant that no other lock of the database uses: writers of pipelines wait for each other. */
const LOCK = 7_203_411_957;

@Injectable()
export class PipelinesRepository {
  async lock(tx: Transaction): Promise<void> {
    await query(tx, 'SELECT pg_advisory_xact_lock($1)', [LOCK]);
  }

  async find(tx: Transaction, name: string): Promise<Pipeline | null> {
    const [row] = await query<Row>(tx, 'SELECT * FROM pipelines WHERE name = $1', [name]);
    return row ? toPipeline(row) : null;
  }

  /** By name, those after `after`. */
  async list(tx: Transaction, limit: number, after: string | null): Promise<Pipeline[]> {
    const rows = await query<Row>(tx, 'SELECT * FROM pipelines WHERE ($1::text IS NULL OR name > $1) ORDER BY name LIMIT $2', [
      after,
      limit,
    ]);
    return rows.map(toPipeline);
  }

  async count(tx: Transaction): Promise<number> {
    const [row] = await query<{ count: number }>(tx, 'SELECT count(*)::integer AS count FROM pipelines');
    return row!.count;
  }

  async put(tx: Transaction, name: string, { description, stages }: PipelineContent, by: string): Promise<Pipeline> {
    const [row] = await query<Row>(
      tx,
      `INSERT INTO pipelines (name, description, stages, updated_by) VALUES ($1, $2, $3, $4)
       ON CONFLICT (name) DO UPDATE SET description = $2, stages = $3, updated_by = $4, revision = pipelines.revision + 1, updated_at = now()
       RETURNING *`,
      [name, description, JSON.stringify(stages), by],
    );
    return toPipeline(row!);
  }

  async delete(tx: Transaction, name: string): Promise<void> {
    await query(tx, 'DELETE FROM pipelines WHERE name = $1', [name]);
  }

  /** Which of these namespaces there are. */
  async existingNamespaces(tx: Transaction, names: readonly string[]): Promise<string[]> {
    const rows = await query<{ name: string }>(tx, 'SELECT name FROM namespaces WHERE name = ANY($1) ORDER BY name', [names]);
    return rows.map(({ name }) => name);
  }
}

function toPipeline(row: Row): Pipeline {
  return {
    name: row.name,
    description: row.description,
    stages: row.stages,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    updatedBy: row.updated_by,
  };
}
