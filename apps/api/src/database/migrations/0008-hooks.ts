import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whom releases tell what happens: notifications, hooks, and the deliveries of both with what became of them. */
export class Hooks0008 implements MigrationInterface {
  name = 'Hooks1700000000008';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['deliveries', 'notifications', 'webhook_secrets']) await runner.query(`DROP TABLE IF EXISTS ${table}`);
  }
}

const STATEMENTS = [
  // With it the webhooks of a namespace are signed that have no secret of their own.
  `CREATE TABLE webhook_secrets (
     namespace text PRIMARY KEY REFERENCES namespaces(name) ON DELETE CASCADE,
     secret text NOT NULL,
     revision integer NOT NULL DEFAULT 1,
     created_at timestamptz NOT NULL DEFAULT now(),
     updated_at timestamptz NOT NULL DEFAULT now(),
     updated_by text NOT NULL)`,
  // events: null for all of them.
  `CREATE TABLE notifications (
     namespace text NOT NULL REFERENCES namespaces(name) ON DELETE CASCADE,
     name text NOT NULL,
     url text NOT NULL,
     secret text,
     events jsonb,
     format text NOT NULL,
     revision integer NOT NULL DEFAULT 1,
     created_at timestamptz NOT NULL DEFAULT now(),
     updated_at timestamptz NOT NULL DEFAULT now(),
     updated_by text NOT NULL,
     PRIMARY KEY (namespace, name))`,
  // The outbox, and the log of what was in it. Written in the transaction of what it tells of, once for each occasion: the stage's entry, or the event's
  // number. The positions of an occasion are done one after the other. next_attempt_at: null when nothing is to be done (yet, or any more); while somebody is
  // at it, when another may take over. It outlives the release.
  `CREATE TABLE deliveries (
     id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     delivery_id uuid NOT NULL UNIQUE,
     namespace text NOT NULL REFERENCES namespaces(name) ON DELETE CASCADE,
     app text NOT NULL,
     version integer NOT NULL,
     release_id uuid NOT NULL,
     point text NOT NULL,
     notification text NOT NULL DEFAULT '',
     occasion integer NOT NULL,
     position integer NOT NULL DEFAULT 0,
     event text NOT NULL,
     target jsonb NOT NULL,
     body text NOT NULL,
     status text NOT NULL,
     attempts integer NOT NULL DEFAULT 0,
     next_attempt_at timestamptz,
     run_id uuid,
     deadline timestamptz,
     log jsonb NOT NULL DEFAULT '[]',
     created_at timestamptz NOT NULL,
     ended_at timestamptz,
     UNIQUE (release_id, point, notification, occasion, position))`,
  'CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE next_attempt_at IS NOT NULL',
  'CREATE INDEX deliveries_by_namespace ON deliveries (namespace, id)',
];
