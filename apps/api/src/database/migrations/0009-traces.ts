import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The trace that a change of routes belongs to goes with it to whoever publishes it. */
export class Traces0009 implements MigrationInterface {
  name = 'Traces1700000000009';

  async up(runner: QueryRunner): Promise<void> {
    // As in the headers of these names. Null: the request that made the change is not recorded.
    await runner.query('ALTER TABLE route_outbox ADD COLUMN traceparent text, ADD COLUMN tracestate text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE route_outbox DROP COLUMN IF EXISTS traceparent, DROP COLUMN IF EXISTS tracestate');
  }
}
