import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import type { NewValidation, Validation, ValidationResult } from './validation.js';

interface Row {
  id: number;
  namespace: string;
  app: string;
  version: number;
  check_name: string;
  result: ValidationResult;
  said_by: string;
  recorded_by: string;
  link: string | null;
  comment: string | null;
  at: Date;
}

@Injectable()
export class ValidationsRepository {
  async insert(tx: Transaction, validation: NewValidation): Promise<Validation> {
    const { namespace, app, version, check, result, by, recordedBy, link, comment } = validation;
    const [row] = await query<Row>(
      tx,
      `INSERT INTO validations (namespace, app, version, check_name, result, said_by, recorded_by, link, comment)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *`,
      [namespace, app, version, check, result, by, recordedBy, link, comment],
    );
    return toValidation(row!);
  }

  async count(tx: Transaction, namespace: string, app: string, version: number): Promise<number> {
    const [row] = await query<{ count: number }>(
      tx,
      'SELECT count(*)::integer AS count FROM validations WHERE namespace = $1 AND app = $2 AND version = $3',
      [namespace, app, version],
    );
    return row!.count;
  }

  /** Newest first, those before `before` (exclusive); `version` null: of all versions. */
  async list(
    tx: Transaction,
    { namespace, app, version }: { namespace: string; app: string; version: number | null },
    limit: number,
    before: number | null,
  ): Promise<Validation[]> {
    const rows = await query<Row>(
      tx,
      `SELECT * FROM validations WHERE namespace = $1 AND app = $2 AND ($3::integer IS NULL OR version = $3)
         AND ($4::integer IS NULL OR id < $4) ORDER BY id DESC LIMIT $5`,
      [namespace, app, version, before, limit],
    );
    return rows.map(toValidation);
  }

  /** Check → its last result on this version. */
  async results(tx: Transaction, namespace: string, app: string, version: number): Promise<Map<string, ValidationResult>> {
    const rows = await query<{ check_name: string; result: ValidationResult }>(
      tx,
      `SELECT DISTINCT ON (check_name) check_name, result FROM validations
        WHERE namespace = $1 AND app = $2 AND version = $3 ORDER BY check_name, id DESC`,
      [namespace, app, version],
    );
    return new Map(rows.map(({ check_name, result }) => [check_name, result]));
  }
}

function toValidation(row: Row): Validation {
  return {
    id: row.id,
    namespace: row.namespace,
    app: row.app,
    version: row.version,
    check: row.check_name,
    result: row.result,
    by: row.said_by,
    recordedBy: row.recorded_by,
    link: row.link,
    comment: row.comment,
    at: row.at,
  };
}
