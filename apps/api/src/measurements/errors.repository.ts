import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import type { CountedError } from './ledger.js';

/** Newest errors that are kept of one version of an app. */
const ERRORS_PER_VERSION = 1_000;

export interface RecentError extends Omit<CountedError, 'source' | 'sequence' | 'position'> {
  id: string;
}

export interface ErrorFilter {
  namespace: string;
  app: string;
  version: number | null;
  service: string | null;
  fromMs: number;
  toMs: number;
}

interface ErrorRow {
  id: string;
  at_ms: string;
  namespace: string;
  app: string;
  service: string;
  version: number;
  instance: string;
  run_id: string | null;
  status: number;
  code: string | null;
  method: string;
  path_template: string;
  trace_id: string | null;
  request_id: string;
}

const FILTER = `namespace = $1 AND app = $2 AND at_ms >= $3 AND at_ms < $4
  AND ($5::integer IS NULL OR version = $5) AND ($6::text IS NULL OR service = $6)`;

/** A sample of the requests that were errors: of each version the newest. */
@Injectable()
export class ErrorsRepository {
  /** What is known already is left as it is. */
  async add(tx: Transaction, errors: readonly CountedError[]): Promise<void> {
    if (errors.length === 0) return;
    const rows = errors.map((error) => ({
      source: error.source,
      sequence: error.sequence,
      position: error.position,
      at_ms: error.atMs,
      namespace: error.namespace,
      app: error.app,
      service: error.service,
      version: error.version ?? 0,
      instance: error.instance ?? '',
      run_id: error.runId,
      status: error.status,
      code: error.code,
      method: error.method,
      path_template: error.pathTemplate,
      trace_id: error.traceId,
      request_id: error.requestId,
    }));
    await query(
      tx,
      `INSERT INTO measurement_errors (source, sequence, position, at_ms, namespace, app, service, version, instance, run_id,
                                       status, code, method, path_template, trace_id, request_id)
       SELECT source, sequence, position, at_ms, namespace, app, service, version, instance, run_id,
              status, code, method, path_template, trace_id, request_id
         FROM jsonb_to_recordset($1::jsonb)
           AS r(source text, sequence bigint, position integer, at_ms bigint, namespace text, app text, service text, version integer,
                instance text, run_id uuid, status integer, code text, method text, path_template text, trace_id text, request_id text)
       ON CONFLICT (source, sequence, position) DO NOTHING`,
      [JSON.stringify(rows)],
    );
    await this.trim(tx, errors);
  }

  /** The newest first; of the same moment in a fixed order. `after`: the id and time of the last of the page before. */
  async list(tx: Transaction, filter: ErrorFilter, limit: number, after: { atMs: number; id: string } | null): Promise<RecentError[]> {
    const rows = await query<ErrorRow>(
      tx,
      `SELECT * FROM measurement_errors WHERE ${FILTER} AND ($7::bigint IS NULL OR (at_ms, id) < ($7, $8::bigint))
        ORDER BY at_ms DESC, id DESC LIMIT $9`,
      [...values(filter), after?.atMs ?? null, after?.id ?? null, limit],
    );
    return rows.map(toRecentError);
  }

  async count(tx: Transaction, filter: ErrorFilter): Promise<number> {
    const [row] = await query<{ count: string }>(tx, `SELECT count(*) AS count FROM measurement_errors WHERE ${FILTER}`, values(filter));
    return Number(row!.count);
  }

  async removeOld(tx: Transaction, beforeMs: number): Promise<void> {
    await query(tx, 'DELETE FROM measurement_errors WHERE at_ms < $1', [beforeMs]);
  }

  private async trim(tx: Transaction, added: readonly CountedError[]): Promise<void> {
    const rings = new Map(added.map(({ namespace, app, version }) => [`${namespace}/${app}/${version}`, { namespace, app, version }]));
    for (const { namespace, app, version } of rings.values())
      await query(
        tx,
        `DELETE FROM measurement_errors WHERE id IN (
           SELECT id FROM measurement_errors WHERE namespace = $1 AND app = $2 AND version = $3 ORDER BY at_ms DESC, id DESC OFFSET $4)`,
        [namespace, app, version ?? 0, ERRORS_PER_VERSION],
      );
  }
}

function values({ namespace, app, fromMs, toMs, version, service }: ErrorFilter): unknown[] {
  return [namespace, app, fromMs, toMs, version, service];
}

function toRecentError(row: ErrorRow): RecentError {
  return {
    id: row.id,
    atMs: Number(row.at_ms),
    namespace: row.namespace,
    app: row.app,
    service: row.service,
    version: row.version === 0 ? null : row.version,
    instance: row.instance === '' ? null : row.instance,
    runId: row.run_id,
    status: row.status,
    code: row.code,
    method: row.method,
    pathTemplate: row.path_template,
    traceId: row.trace_id,
    requestId: row.request_id,
  };
}
