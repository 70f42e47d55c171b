import { createTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { createDataSource } from './data-source.js';
import { pendingMigrations } from './migrate.js';
import { migrateDatabase } from './migrate-database.js';
import { MIGRATIONS } from './schema.js';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

describe('migrations', () => {
  it('run once, in one go', async () => {
    expect(await migrateDatabase(database.url)).toHaveLength(MIGRATIONS.length);
    expect(await migrateDatabase(database.url)).toEqual([]);
  });

  it('two migrators at once do not clash: each migration is run by one of them', async () => {
    const done = await Promise.all([1, 2, 3, 4].map(() => migrateDatabase(database.url)));
    expect(done.flat()).toHaveLength(MIGRATIONS.length);
  });

  it('that are pending are named, without changing anything', async () => {
    const source = await createDataSource(database.url).initialize();
    try {
      expect(await pendingMigrations(source)).toHaveLength(MIGRATIONS.length);
      expect(await source.query("SELECT 1 FROM information_schema.tables WHERE table_schema = 'public'")).toEqual([]);
      await migrateDatabase(database.url);
      expect(await pendingMigrations(source)).toEqual([]);
    } finally {
      await source.destroy();
    }
  });

  it('are numbered in the order in which they are listed', () => {
    const stamps = MIGRATIONS.map((Migration) => Number(new Migration().name.slice(-13)));
    expect(stamps).toEqual([...stamps].sort((a, b) => a - b));
    expect(new Set(stamps).size).toBe(stamps.length);
  });
});
