import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Apps with their versions and aliases, distributions with their history, runs with their instances, and the outbox of route changes. */
export class AppsAndRouting0003 implements MigrationInterface {
  name = 'AppsAndRouting1700000000003';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES.toReversed()) await runner.query(`DROP TABLE IF EXISTS ${table}`);
  }
}

const TABLES = [
  'apps',
  'app_version_counters',
  'app_versions',
  'app_aliases',
  'distributions',
  'distribution_history',
  'hosts',
  'runs',
  'run_instances',
  'route_head',
  'route_outbox',
  'leases',
];

const STATEMENTS = [
  `CREATE TABLE apps (
     namespace text NOT NULL REFERENCES namespaces(name) ON DELETE RESTRICT,
     name text NOT NULL,
     description text,
     fallback text NOT NULL DEFAULT 'random',
     on_unavailable text NOT NULL DEFAULT 'redistribute',
     affinity jsonb,
     revision integer NOT NULL DEFAULT 1,
     created_at timestamptz NOT NULL DEFAULT now(),
     updated_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (namespace, name))`,
  // Outlives the app: a version number is never used twice, also when an app is deleted and made again.
  `CREATE TABLE app_version_counters (
     namespace text NOT NULL,
     app text NOT NULL,
     last_version integer NOT NULL,
     PRIMARY KEY (namespace, app))`,
  `CREATE TABLE app_versions (
     namespace text NOT NULL,
     app text NOT NULL,
     version integer NOT NULL CHECK (version > 0),
     artifact_name text NOT NULL,
     artifact_version text NOT NULL,
     config jsonb NOT NULL DEFAULT '{}',
     labels jsonb NOT NULL DEFAULT '{}',
     created_at timestamptz NOT NULL DEFAULT now(),
     created_by text NOT NULL,
     PRIMARY KEY (namespace, app, version),
     FOREIGN KEY (namespace, app) REFERENCES apps(namespace, name) ON DELETE RESTRICT,
     FOREIGN KEY (namespace, artifact_name, artifact_version) REFERENCES artifact_versions(namespace, artifact, version) ON DELETE RESTRICT)`,
  'CREATE INDEX app_versions_by_artifact ON app_versions (namespace, artifact_name, artifact_version)',
  `CREATE TABLE app_aliases (
     namespace text NOT NULL,
     app text NOT NULL,
     alias text NOT NULL,
     version integer NOT NULL,
     revision integer NOT NULL DEFAULT 1,
     updated_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (namespace, app, alias),
     FOREIGN KEY (namespace, app, version) REFERENCES app_versions(namespace, app, version) ON DELETE RESTRICT)`,
  // service = '' is the app's own distribution. Weights: version → basis points, only those above 0.
  `CREATE TABLE distributions (
     namespace text NOT NULL,
     app text NOT NULL,
     service text NOT NULL DEFAULT '',
     revision integer NOT NULL,
     weights jsonb NOT NULL,
     updated_at timestamptz NOT NULL,
     updated_by text NOT NULL,
     source text NOT NULL,
     reason text,
     route_revision bigint NOT NULL,
     PRIMARY KEY (namespace, app, service),
     FOREIGN KEY (namespace, app) REFERENCES apps(namespace, name) ON DELETE CASCADE)`,
  // weights = NULL: the distribution was removed by this revision.
  `CREATE TABLE distribution_history (
     namespace text NOT NULL,
     app text NOT NULL,
     service text NOT NULL DEFAULT '',
     revision integer NOT NULL,
     weights jsonb,
     updated_at timestamptz NOT NULL,
     updated_by text NOT NULL,
     source text NOT NULL,
     reason text,
     route_revision bigint NOT NULL,
     PRIMARY KEY (namespace, app, service, revision),
     FOREIGN KEY (namespace, app) REFERENCES apps(namespace, name) ON DELETE CASCADE)`,
  // A control plane that may start programs on its own host. One that was not seen for a while is not given new runs.
  `CREATE TABLE hosts (
     host_id text PRIMARY KEY,
     seen_at timestamptz NOT NULL)`,
  // host_id = NULL: the instances run elsewhere and are registered by URL.
  `CREATE TABLE runs (
     run_id uuid PRIMARY KEY,
     namespace text NOT NULL,
     app text NOT NULL,
     version integer NOT NULL,
     program_type text NOT NULL,
     program_name text NOT NULL,
     host_id text,
     status text NOT NULL,
     desired_instances integer NOT NULL,
     revision integer NOT NULL DEFAULT 1,
     created_at timestamptz NOT NULL DEFAULT now(),
     started_at timestamptz,
     stopping_at timestamptz,
     stopped_at timestamptz,
     drain_seconds integer NOT NULL DEFAULT 30,
     route_revision bigint,
     exit jsonb,
     error text,
     FOREIGN KEY (namespace, app, version) REFERENCES app_versions(namespace, app, version) ON DELETE CASCADE)`,
  `CREATE UNIQUE INDEX runs_one_active ON runs (namespace, app, version, program_type, program_name)
     WHERE status IN ('PENDING', 'STARTING', 'RUNNING', 'STOPPING')`,
  'CREATE INDEX runs_by_program ON runs (namespace, app, version, program_type, program_name, created_at DESC)',
  `CREATE INDEX runs_active ON runs (namespace, app) WHERE status IN ('PENDING', 'STARTING', 'RUNNING', 'STOPPING')`,
  // instance_uid names an instance to the proxies; instance_id is its name in the API. routable: it is in the route document.
  `CREATE TABLE run_instances (
     instance_uid text PRIMARY KEY,
     run_id uuid NOT NULL REFERENCES runs(run_id) ON DELETE CASCADE,
     instance_id text NOT NULL,
     ordinal integer NOT NULL DEFAULT 0,
     url text,
     status text NOT NULL,
     started_at timestamptz NOT NULL DEFAULT now(),
     restarts integer NOT NULL DEFAULT 0,
     routable boolean NOT NULL DEFAULT false,
     ttl_seconds integer,
     expires_at timestamptz,
     leaving_route_revision bigint,
     leaving_at timestamptz,
     UNIQUE (run_id, instance_id))`,
  'CREATE INDEX run_instances_expiry ON run_instances (expires_at) WHERE expires_at IS NOT NULL',
  // The one row that every change of routes locks: commit order is revision order, without gaps.
  `CREATE TABLE route_head (
     id integer PRIMARY KEY CHECK (id = 1),
     epoch uuid NOT NULL,
     revision bigint NOT NULL,
     published bigint NOT NULL)`,
  'INSERT INTO route_head (id, epoch, revision, published) VALUES (1, gen_random_uuid(), 0, 0)',
  `CREATE TABLE route_outbox (
     revision bigint PRIMARY KEY,
     namespace text NOT NULL,
     app text NOT NULL,
     committed_at timestamptz NOT NULL DEFAULT now())`,
  `CREATE TABLE leases (
     name text PRIMARY KEY,
     holder text NOT NULL,
     expires_at timestamptz NOT NULL)`,
];
