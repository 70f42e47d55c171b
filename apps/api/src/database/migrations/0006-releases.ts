import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Canary releases with their events and plans, and what is counted of the versions that they compare. */
export class Releases0006 implements MigrationInterface {
  name = 'Releases1700000000006';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['measurement_observations', 'release_events', 'releases', 'release_plans'])
      await runner.query(`DROP TABLE IF EXISTS ${table}`);
  }
}

const STATEMENTS = [
  `CREATE TABLE release_plans (
     namespace text NOT NULL REFERENCES namespaces(name) ON DELETE CASCADE,
     name text NOT NULL,
     description text,
     plan jsonb NOT NULL,
     revision integer NOT NULL DEFAULT 1,
     created_at timestamptz NOT NULL DEFAULT now(),
     updated_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (namespace, name))`,
  // plan: as it was when the release began. base: what was before it. progress: what the engine has seen on its way. ended_at IS NULL: active.
  `CREATE TABLE releases (
     release_id uuid PRIMARY KEY,
     namespace text NOT NULL,
     app text NOT NULL,
     candidate integer NOT NULL,
     baseline integer NOT NULL,
     plan_name text,
     plan jsonb NOT NULL,
     state jsonb NOT NULL,
     status text NOT NULL,
     revision integer NOT NULL DEFAULT 1,
     base jsonb NOT NULL,
     progress jsonb NOT NULL,
     reason text,
     started_by text NOT NULL,
     started_at timestamptz NOT NULL,
     ended_at timestamptz,
     FOREIGN KEY (namespace, app) REFERENCES apps(namespace, name) ON DELETE CASCADE)`,
  'CREATE UNIQUE INDEX releases_one_active ON releases (namespace, app) WHERE ended_at IS NULL',
  'CREATE INDEX releases_by_app ON releases (namespace, app, started_at DESC, release_id)',
  // event: as libs/release makes it.
  `CREATE TABLE release_events (
     release_id uuid NOT NULL REFERENCES releases(release_id) ON DELETE CASCADE,
     sequence integer NOT NULL,
     at timestamptz NOT NULL,
     event jsonb NOT NULL,
     PRIMARY KEY (release_id, sequence))`,
  // Of the two versions of an active release, since the moment from which they are compared. Milliseconds since 1970.
  `CREATE TABLE measurement_observations (
     namespace text NOT NULL,
     app text NOT NULL,
     version integer NOT NULL,
     since_ms bigint NOT NULL,
     measures jsonb NOT NULL,
     PRIMARY KEY (namespace, app, version),
     FOREIGN KEY (namespace, app) REFERENCES apps(namespace, name) ON DELETE CASCADE)`,
];
