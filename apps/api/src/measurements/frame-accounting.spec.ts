import { requestsOf } from '@app-fabric/measurement';
import { pino } from 'pino';
import { Database } from '../database/database.js';
import { migrateDatabase } from '../database/migrate-database.js';
import { withDatabase } from '../testing/test-apps.js';
import { createTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { Traces } from '../tracing/traces.js';
import { ErrorsRepository } from './errors.repository.js';
import { FrameAccounting } from './frame-accounting.js';
import { MeasurementsRepository } from './measurements.repository.js';
import { ObservationsRepository } from './observations.repository.js';
import { FakeSource, OK, placeOf } from './testing/frames.js';

const HOUR = 3_600_000;

describe('FrameAccounting', () => {
  let server: TestDatabase;
  let database: Database;
  let accounting: FrameAccounting;

  beforeEach(async () => {
    server = await createTestDatabase();
    await migrateDatabase(server.url);
    database = new Database(server.url, pino({ level: 'silent' }), new Traces(null));
    await database.open();
    accounting = new FrameAccounting(
      database.transactions,
      new MeasurementsRepository(),
      new ErrorsRepository(),
      new ObservationsRepository(),
    );
    await sql("INSERT INTO apps (namespace, name) VALUES ('default', 'shop')");
  }, 60_000);
  afterEach(async () => {
    await database.close();
    await server.drop();
  });

  const sql = (text: string) => withDatabase(server.url, async (client) => (await client.query(text)).rows);
  /** Requests by resolution, of versions and of instances. */
  const requests = async () =>
    Object.fromEntries(
      (
        await sql(`SELECT resolution || CASE WHEN instance = '' THEN '' ELSE ' instance' END AS key, sum((measures->'status'->>2)::int)::int AS count
                     FROM measurements GROUP BY 1`)
      ).map(({ key, count }) => [key, count]),
    );
  /** One request at each of these ages. */
  const count = async (source: FakeSource, ...agesMs: number[]) => {
    for (const agoMs of agesMs) {
      source.count(placeOf('shop', 1, 'a'), OK);
      await accounting.accountFor([{ frame: source.frame(), agoMs }]);
    }
  };

  it('minutes and hours are added up when they are over, once; what comes late is added to them as well', async () => {
    const source = new FakeSource('s');
    await count(source, 0.8 * HOUR, 0.7 * HOUR, 0.5 * HOUR, 130_000);
    expect(await requests()).toEqual({ 10: 4, '10 instance': 4 });
    await accounting.tidy();
    await accounting.tidy();
    expect(await requests()).toMatchObject({ 10: 4, 60: 4, '60 instance': 4 });
    await count(source, 0.6 * HOUR, 3 * HOUR, 30 * HOUR);
    // Three hours: too old for steps of 10 s; thirty: for minutes.
    const after = await requests();
    expect([after[10], after[60], after['60 instance']]).toEqual([5, 6, 6]);
    expect(after[3_600]).toBeGreaterThanOrEqual(2);
    expect(after).not.toHaveProperty('3600 instance');
    await accounting.tidy();
    expect(await requests()).toEqual(after);
  });

  it('what is too old is removed, with sources that were silent for a week', async () => {
    await count(new FakeSource('s'), 0);
    await sql(`UPDATE measurements SET at_ms = at_ms - ${2 * HOUR}`);
    await sql(`UPDATE measurement_sources SET seen_at_ms = seen_at_ms - ${8 * 24 * HOUR}`);
    await accounting.tidy();
    expect(await requests()).not.toHaveProperty('10');
    expect(await sql('SELECT 1 FROM measurement_baselines')).toEqual([]);
  });

  it('what is observed of versions counts from the moment on from which it is observed, whatever becomes of the buckets', async () => {
    const observations = new ObservationsRepository();
    const SHOP = { namespace: 'default', app: 'shop' };
    const observed = async () => {
      const found = await database.transactions.read((tx) => observations.of(tx, SHOP));
      return Object.fromEntries([...found].map(([version, { measures }]) => [version, [requestsOf(measures), measures.weighted]]));
    };
    const source = new FakeSource('s');
    await count(source, 0);
    expect(await observed()).toEqual({});
    await database.transactions.run((tx) => observations.begin(tx, SHOP, [2, 1], Date.now() - 60_000));
    await count(source, 120_000, 30_000, 0);
    source.count(placeOf('shop', 2), OK);
    source.meterOf(placeOf('shop', 2)).weighted += 2;
    source.count(placeOf('shop', null), OK);
    const frame = { frame: source.frame(), agoMs: 0 };
    await Promise.all([accounting.accountFor([frame]), accounting.accountFor([frame])]);
    expect(await observed()).toEqual({ 1: [2, 0], 2: [1, 2] });
    // One that has not ended yet.
    source.meterOf(placeOf('shop', 2)).weighted += 1;
    await accounting.accountFor([{ frame: source.frame(), agoMs: 0 }]);
    expect(await observed()).toEqual({ 1: [2, 0], 2: [1, 3] });
    await database.transactions.run((tx) => observations.begin(tx, SHOP, [1, 2], Date.now() - 1_000));
    await count(source, 0);
    expect(await observed()).toEqual({ 1: [1, 0], 2: [0, 0] });
    await database.transactions.run((tx) => observations.end(tx, SHOP));
    await count(source, 0);
    expect(await observed()).toEqual({});
  });

  it('what was counted of versions lately is found in the buckets since then', async () => {
    const source = new FakeSource('s');
    await count(source, 200_000, 100_000, 30_000);
    source.count(placeOf('shop', 2), OK);
    await accounting.accountFor([{ frame: source.frame(), agoMs: 30_000 }]);
    const since = async (agoMs: number) => {
      const shop = { namespace: 'default', app: 'shop' };
      const found = await database.transactions.read((tx) => new ObservationsRepository().since(tx, shop, [1, 2, 3], Date.now() - agoMs));
      return [...found].map(([version, measures]) => [version, requestsOf(measures)]);
    };
    expect([await since(150_000), await since(10_000)]).toEqual([
      [
        [1, 2],
        [2, 1],
        [3, 0],
      ],
      [
        [1, 0],
        [2, 0],
        [3, 0],
      ],
    ]);
  });

  it('two replicas that account for the same frames at once count them once', async () => {
    const source = new FakeSource('s');
    source.count(placeOf('shop', 1), OK, OK);
    const frames = [{ frame: source.frame(), agoMs: 0 }];
    await Promise.all(Array.from({ length: 8 }, () => accounting.accountFor(frames)));
    expect(await requests()).toEqual({ 10: 2 });
  });
});
