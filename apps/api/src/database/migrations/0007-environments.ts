import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a namespace is for and gives to its programs; how versions move from one to the next: pipelines, validations, promotions; freezes; who did it. */
export class Environments0007 implements MigrationInterface {
  name = 'Environments1700000000007';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['audit_entries', 'freezes', 'promotions', 'pipelines', 'validations'])
      await runner.query(`DROP TABLE IF EXISTS ${table}`);
    await runner.query('DROP INDEX IF EXISTS artifact_versions_by_bundle');
    await runner.query('ALTER TABLE releases DROP COLUMN freeze_override');
    for (const column of ['promoted_from_namespace', 'promoted_from_version', 'origin_namespace', 'origin_version', 'rejection'])
      await runner.query(`ALTER TABLE app_versions DROP COLUMN ${column}`);
    for (const column of ['environment', 'variables', 'default_instances'])
      await runner.query(`ALTER TABLE namespaces DROP COLUMN ${column}`);
  }
}

/** The table of the progressive validation process. A pipeline like any other: it can be replaced, and cannot be deleted. */
const DEFAULT_STAGES = [
  { namespace: 'test', minSoak: '1d', criteria: { metrics: {}, checks: ['code-review', 'functional', 'basic-performance'] } },
  { namespace: 'beta', minSoak: '3d', criteria: { metrics: {}, checks: ['real-data', 'production-performance'] } },
  { namespace: 'production', minSoak: null, criteria: { metrics: {}, checks: [] }, plan: 'standard' },
].map((stage) => ({ requiresApproval: false, plan: null, ...stage }));

const STATEMENTS = [
  // Variables: name → {value, secret}.
  `ALTER TABLE namespaces
     ADD COLUMN environment text,
     ADD COLUMN variables jsonb NOT NULL DEFAULT '{}',
     ADD COLUMN default_instances integer`,
  // Where a version was promoted from, and where the first of its line was made; neither has to be there any more. rejection: the validation that failed.
  `ALTER TABLE app_versions
     ADD COLUMN promoted_from_namespace text,
     ADD COLUMN promoted_from_version integer,
     ADD COLUMN origin_namespace text,
     ADD COLUMN origin_version integer,
     ADD COLUMN rejection jsonb`,
  // Why a release goes on although its namespace is frozen.
  'ALTER TABLE releases ADD COLUMN freeze_override text',
  'CREATE INDEX app_versions_by_origin ON app_versions (app, origin_namespace, origin_version) WHERE origin_version IS NOT NULL',
  // Namespaces share the bundle of a promoted artifact: its pieces go with the last one that names it.
  'CREATE INDEX artifact_versions_by_bundle ON artifact_versions (bundle_id) WHERE bundle_id IS NOT NULL',
  `CREATE TABLE validations (
     id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     namespace text NOT NULL,
     app text NOT NULL,
     version integer NOT NULL,
     check_name text NOT NULL,
     result text NOT NULL,
     said_by text NOT NULL,
     recorded_by text NOT NULL,
     link text,
     comment text,
     at timestamptz NOT NULL DEFAULT now(),
     FOREIGN KEY (namespace, app, version) REFERENCES app_versions(namespace, app, version) ON DELETE CASCADE)`,
  'CREATE INDEX validations_by_version ON validations (namespace, app, version, id)',
  `CREATE TABLE pipelines (
     name text PRIMARY KEY,
     description text,
     stages jsonb NOT NULL,
     revision integer NOT NULL DEFAULT 1,
     created_at timestamptz NOT NULL DEFAULT now(),
     updated_at timestamptz NOT NULL DEFAULT now(),
     updated_by text NOT NULL)`,
  `INSERT INTO pipelines (name, description, stages, updated_by) VALUES ('default', 'Test, beta, production.', '${JSON.stringify(DEFAULT_STAGES)}', 'system')`,
  // entry: how it comes into production. One version goes once into each namespace; when what came of it is deleted, it may again.
  `CREATE TABLE promotions (
     id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     app text NOT NULL,
     from_namespace text NOT NULL,
     from_version integer NOT NULL,
     to_namespace text NOT NULL,
     to_version integer NOT NULL,
     pipeline text NOT NULL,
     entry text,
     release_id uuid,
     approval jsonb,
     freeze_override text,
     by text NOT NULL,
     at timestamptz NOT NULL DEFAULT now(),
     UNIQUE (app, from_namespace, from_version, to_namespace),
     FOREIGN KEY (to_namespace, app, to_version) REFERENCES app_versions(namespace, app, version) ON DELETE CASCADE)`,
  'CREATE INDEX promotions_by_target ON promotions (to_namespace, app, to_version)',
  `CREATE TABLE freezes (
     namespace text NOT NULL REFERENCES namespaces(name) ON DELETE CASCADE,
     name text NOT NULL,
     from_at timestamptz NOT NULL,
     to_at timestamptz NOT NULL,
     reason text NOT NULL,
     revision integer NOT NULL DEFAULT 1,
     created_at timestamptz NOT NULL DEFAULT now(),
     updated_at timestamptz NOT NULL DEFAULT now(),
     updated_by text NOT NULL,
     PRIMARY KEY (namespace, name))`,
  // Outlives the namespace. Only the newest of each are kept.
  `CREATE TABLE audit_entries (
     id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     namespace text NOT NULL,
     at timestamptz NOT NULL DEFAULT now(),
     by text NOT NULL,
     action text NOT NULL,
     subject text NOT NULL,
     detail jsonb NOT NULL)`,
  'CREATE INDEX audit_entries_by_namespace ON audit_entries (namespace, id)',
];
