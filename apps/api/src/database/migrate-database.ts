import { createDataSource } from './data-source.js';
import { migrate } from './migrate.js';

/** Brings the database up to date. Returns the names of the migrations that were run. */
export async function migrateDatabase(url: string): Promise<string[]> {
  const dataSource = await createDataSource(url).initialize();
  try {
    return await migrate(dataSource);
  } finally {
    await dataSource.destroy();
  }
}
