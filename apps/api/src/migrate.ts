import { ConfigError, readApiConfig } from './config/api-config.js';
import { migrateDatabase } from './database/migrate-database.js';

/** Brings the database up to date and says what it did. Exit codes: 0 done, 1 failed (nothing was changed), 2 bad settings. */
try {
  const { databaseUrl } = readApiConfig(process.env, { redisUrl: null });
  const done = await migrateDatabase(databaseUrl);
  for (const name of done) process.stdout.write(`migrated: ${name}\n`);
  process.stdout.write(
    done.length === 0 ? 'the database is up to date\n' : `${done.length} migration(s) run; the database is up to date\n`,
  );
} catch (error) {
  process.stderr.write(`app-fabric migrate: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof ConfigError ? 2 : 1;
}
