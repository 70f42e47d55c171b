import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What proxies have counted: buckets of time, and how far each source has been accounted for. */
export class Measurements0005 implements MigrationInterface {
  name = 'Measurements1700000000005';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['measurement_errors', 'measurements', 'measurement_baselines', 'measurement_sources', 'measurement_progress'])
      await runner.query(`DROP TABLE IF EXISTS ${table}`);
  }
}

const STATEMENTS = [
  // Its lock is what makes accounting one after the other. Milliseconds since 1970: coarse buckets have been made up to there.
  `CREATE TABLE measurement_progress (
     id integer PRIMARY KEY CHECK (id = 1),
     rolled_60_ms bigint NOT NULL,
     rolled_3600_ms bigint NOT NULL)`,
  'INSERT INTO measurement_progress (id, rolled_60_ms, rolled_3600_ms) VALUES (1, 0, 0)',
  `CREATE TABLE measurement_sources (
     source text PRIMARY KEY,
     proxy_id text NOT NULL,
     seen_at_ms bigint NOT NULL)`,
  // The last cumulative values of each series of a source: what a later frame adds is counted from there.
  `CREATE TABLE measurement_baselines (
     source text NOT NULL REFERENCES measurement_sources(source) ON DELETE CASCADE,
     series bigint NOT NULL,
     sequence bigint NOT NULL,
     namespace text NOT NULL,
     app text NOT NULL,
     service text NOT NULL,
     version integer NOT NULL,
     instance text NOT NULL,
     in_flight bigint NOT NULL,
     seen_at_ms bigint NOT NULL,
     measures jsonb NOT NULL,
     PRIMARY KEY (source, series))`,
  'CREATE INDEX measurement_baselines_by_app ON measurement_baselines (namespace, app) WHERE in_flight > 0',
  // version = 0: none was chosen. instance = '': the version as a whole. resolution: seconds.
  `CREATE TABLE measurements (
     namespace text NOT NULL,
     app text NOT NULL,
     resolution integer NOT NULL,
     at_ms bigint NOT NULL,
     service text NOT NULL,
     version integer NOT NULL,
     instance text NOT NULL,
     measures jsonb NOT NULL,
     PRIMARY KEY (namespace, app, resolution, at_ms, service, version, instance),
     FOREIGN KEY (namespace, app) REFERENCES apps(namespace, name) ON DELETE CASCADE)`,
  'CREATE INDEX measurements_by_time ON measurements (resolution, at_ms)',
  // A sample; how many errors there were is in the measures. (source, sequence, position): a frame that comes twice adds nothing.
  `CREATE TABLE measurement_errors (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     source text NOT NULL,
     sequence bigint NOT NULL,
     position integer NOT NULL,
     at_ms bigint NOT NULL,
     namespace text NOT NULL,
     app text NOT NULL,
     service text NOT NULL,
     version integer NOT NULL,
     instance text NOT NULL,
     run_id uuid,
     status integer NOT NULL,
     code text,
     method text NOT NULL,
     path_template text NOT NULL,
     trace_id text,
     request_id text NOT NULL,
     UNIQUE (source, sequence, position),
     FOREIGN KEY (namespace, app) REFERENCES apps(namespace, name) ON DELETE CASCADE)`,
  'CREATE INDEX measurement_errors_by_app ON measurement_errors (namespace, app, at_ms, id)',
];
