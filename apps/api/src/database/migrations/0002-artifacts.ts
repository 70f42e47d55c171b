import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Artifact versions, which never change, and their bundles in pieces. */
export class Artifacts0002 implements MigrationInterface {
  name = 'Artifacts1700000000002';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['bundle_chunks', 'artifact_versions']) await runner.query(`DROP TABLE IF EXISTS ${table}`);
  }
}

const STATEMENTS = [
  `CREATE TABLE artifact_versions (
     namespace text NOT NULL REFERENCES namespaces(name) ON DELETE RESTRICT,
     artifact text NOT NULL,
     version text NOT NULL,
     description text,
     labels jsonb NOT NULL,
     programs jsonb NOT NULL,
     bundle_id uuid,
     bundle_sha256 text,
     bundle_bytes bigint,
     created_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (namespace, artifact, version))`,
  // Written before the artifact version names them; those that none names are removed after a while.
  `CREATE TABLE bundle_chunks (
     bundle_id uuid NOT NULL,
     number integer NOT NULL,
     bytes bytea NOT NULL,
     written_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (bundle_id, number))`,
];
