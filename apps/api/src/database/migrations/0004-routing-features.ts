import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Routing beyond weights: pins by content type, audiences, mirroring, limits; and the hosts of services. */
export class RoutingFeatures0004 implements MigrationInterface {
  name = 'RoutingFeatures1700000000004';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['host_claims', 'host_routes']) await runner.query(`DROP TABLE IF EXISTS ${table}`);
    for (const column of ['pin_by_accept', 'audiences', 'mirror', 'limits']) await runner.query(`ALTER TABLE apps DROP COLUMN ${column}`);
  }
}

const STATEMENTS = [
  // As in route documents: weights and shares in basis points.
  `ALTER TABLE apps
     ADD COLUMN pin_by_accept boolean NOT NULL DEFAULT false,
     ADD COLUMN audiences jsonb NOT NULL DEFAULT '[]',
     ADD COLUMN mirror jsonb,
     ADD COLUMN limits jsonb`,
  // The app's own, also when no version has the service any more.
  `CREATE TABLE host_routes (
     namespace text NOT NULL,
     app text NOT NULL,
     service text NOT NULL,
     hosts jsonb NOT NULL,
     path_prefix text NOT NULL,
     revision integer NOT NULL DEFAULT 1,
     updated_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (namespace, app, service),
     FOREIGN KEY (namespace, app) REFERENCES apps(namespace, name) ON DELETE CASCADE)`,
  // One row for each host of a route: what two services cannot both have.
  `CREATE TABLE host_claims (
     host text NOT NULL,
     path_prefix text NOT NULL,
     namespace text NOT NULL,
     app text NOT NULL,
     service text NOT NULL,
     PRIMARY KEY (host, path_prefix),
     FOREIGN KEY (namespace, app, service) REFERENCES host_routes(namespace, app, service) ON DELETE CASCADE)`,
  'CREATE INDEX host_claims_by_service ON host_claims (namespace, app, service)',
];
