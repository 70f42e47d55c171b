import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Namespaces with the one that always exists, and the answers kept for `Idempotency-Key`. */
export class Namespaces0001 implements MigrationInterface {
  name = 'Namespaces1700000000001';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['idempotency_keys', 'namespaces']) await runner.query(`DROP TABLE IF EXISTS ${table}`);
  }
}

const STATEMENTS = [
  `CREATE TABLE namespaces (
     name text PRIMARY KEY,
     description text,
     labels jsonb NOT NULL DEFAULT '{}',
     revision integer NOT NULL DEFAULT 1,
     created_at timestamptz NOT NULL DEFAULT now(),
     updated_at timestamptz NOT NULL DEFAULT now())`,
  "INSERT INTO namespaces (name, description) VALUES ('default', 'Always there.')",
  // status = NULL: the first request with this key still runs, unless its lease is over (its replica has died).
  `CREATE TABLE idempotency_keys (
     principal text NOT NULL,
     key text NOT NULL,
     request_hash text NOT NULL,
     lease_id uuid NOT NULL,
     lease_until timestamptz NOT NULL,
     status integer,
     headers jsonb,
     body text,
     created_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (principal, key))`,
  'CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at)',
  'CREATE UNIQUE INDEX idempotency_keys_by_lease ON idempotency_keys (lease_id)',
];
