import { type DataSource, MigrationExecutor } from 'typeorm';

/** Any constant that no other program uses on the same database. Held until the transaction ends: session locks do not work on the embedded database. */
const MIGRATION_LOCK = 7_203_411_956;

/** Runs what is missing, all in one transaction; two migrators wait for each other. Returns the names of what was run. */
export async function migrate(dataSource: DataSource): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction();
    await runner.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    const done = await new MigrationExecutor(dataSource, runner).executePendingMigrations();
    await runner.commitTransaction();
    return done.map(({ name }) => name);
  } catch (error) {
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
    throw error;
  } finally {
    await runner.release();
  }
}

/** The names of the migrations that this program knows and the database has not had. Changes nothing. */
export async function pendingMigrations(dataSource: DataSource): Promise<string[]> {
  const [{ present }] = await dataSource.query<[{ present: boolean }]>("SELECT to_regclass('migrations') IS NOT NULL AS present");
  const done = present ? await dataSource.query<{ name: string }[]>('SELECT name FROM migrations') : [];
  const names = new Set(done.map(({ name }) => name));
  return dataSource.migrations.map((migration) => migration.name ?? migration.constructor.name).filter((name) => !names.has(name));
}
