import type { QueryRunner } from 'typeorm';
import type { Traces } from '../tracing/traces.js';

/** From the request to the database: SQLSTATE, where it came that far. */
function errorType(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : String(name);
}

/**
 * Has each statement of this connection recorded below the current request, by OpenTelemetry's conventions for databases. Statements hold no values: those
 * go beside them. Nothing is changed where nothing is recorded.
 */
export function recordStatements(runner: QueryRunner, traces: Traces): QueryRunner {
  if (traces.context === null) return runner;
  const run = runner.query.bind(runner);
  const recorded = (sql: string, ...rest: [parameters?: unknown[], structured?: boolean]): Promise<unknown> => {
    const text = sql.replace(/\s+/g, ' ').trim();
    const operation = /^[A-Za-z]+/.exec(text)?.[0].toUpperCase() ?? 'SQL';
    const table = /\b(?:FROM|INTO|UPDATE)\s+([a-z_]+)/.exec(text)?.[1];
    const attributes = { 'db.system.name': 'postgresql', 'db.operation.name': operation, 'db.query.text': text };
    const name = table === undefined ? operation : `${operation} ${table}`;
    return traces.record({ name, kind: 'client', attributes }, errorType, () => (run as typeof recorded)(sql, ...rest));
  };
  runner.query = recorded as QueryRunner['query'];
  return runner;
}
