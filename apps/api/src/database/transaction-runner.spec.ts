import { pino } from 'pino';
import { eventually } from '../testing/eventually.js';
import { createSeverableProxy, type SeverableProxy } from '../testing/severable-proxy.js';
import { createTestDatabase, itWithSessions, type TestDatabase } from '../testing/test-database.js';
import { Traces } from '../tracing/traces.js';
import { Database } from './database.js';
import { migrateDatabase } from './migrate-database.js';
import { query, type Transaction, type Transactions } from './transaction.js';

let testDatabase: TestDatabase;
let proxy: SeverableProxy;
let database: Database;
let transactions: Transactions;
const logged: string[] = [];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  await migrateDatabase(testDatabase.url);
  proxy = await createSeverableProxy(testDatabase.url);
  database = new Database(proxy.url, pino({ level: 'error' }, { write: (line) => logged.push(line) }), new Traces(null));
  await database.open();
  transactions = database.transactions;
  await transactions.run((tx) => query(tx, 'CREATE TABLE numbers (id integer PRIMARY KEY, value integer NOT NULL)'));
});
afterAll(async () => {
  await database.close();
  await proxy.close();
  await testDatabase.drop();
});
beforeEach(async () => {
  await transactions.run((tx) => query(tx, 'DELETE FROM numbers'));
  await transactions.run((tx) => query(tx, 'INSERT INTO numbers VALUES (1, 0), (2, 0)'));
});

const add = (tx: Transaction, id: number) => query(tx, 'UPDATE numbers SET value = value + 1 WHERE id = $1', [id]);
const values = () =>
  transactions.read(async (tx) => {
    const rows = await query<{ value: number }>(tx, 'SELECT value FROM numbers ORDER BY id');
    return rows.map(({ value }) => value);
  });

/** Resolves each caller when all `count` are there. */
function meeting(count: number): () => Promise<void> {
  let missing = count;
  let open: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  return () => {
    if (--missing <= 0) open();
    return all;
  };
}

describe('run', () => {
  it('commits what resolves', async () => {
    expect(await transactions.run((tx) => add(tx, 1).then(() => 'done'))).toBe('done');
    expect(await values()).toEqual([1, 0]);
  });

  it('passes on errors without the values of their statement: they are logged, and may be secrets', async () => {
    const failing = transactions.run((tx) => query(tx, 'SELECT $1::text FROM nowhere', ['hunter2-and-more']));
    const error: unknown = await failing.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    pino({ level: 'error' }, { write: (line) => logged.push(line) }).error({ err: error });
    expect(logged.at(-1)).toContain('nowhere');
    expect(logged.join()).not.toContain('hunter2');
  });

  it('rolls back what rejects, and passes the error on', async () => {
    const error = new Error('no');
    await expect(
      transactions.run(async (tx) => {
        await add(tx, 1);
        throw error;
      }),
    ).rejects.toBe(error);
    expect(await values()).toEqual([0, 0]);
  });

  it('gives the rows of INSERT, UPDATE and DELETE … RETURNING', async () => {
    await transactions.run(async (tx) => {
      expect(await query(tx, 'INSERT INTO numbers VALUES (3, 7) RETURNING id')).toEqual([{ id: 3 }]);
      expect(await query(tx, 'UPDATE numbers SET value = 8 WHERE id = 3 RETURNING value')).toEqual([{ value: 8 }]);
      expect(await query(tx, 'DELETE FROM numbers WHERE id = 3 RETURNING id, value')).toEqual([{ id: 3, value: 8 }]);
      expect(await query(tx, 'DELETE FROM numbers WHERE id = 3')).toEqual([]);
    });
  });

  itWithSessions('runs the work again after a deadlock', async () => {
    const met = meeting(2);
    let runs = 0;
    const both = (first: number, second: number) =>
      transactions.run(async (tx) => {
        runs++;
        await add(tx, first);
        await met();
        await add(tx, second);
      });
    await Promise.all([both(1, 2), both(2, 1)]);
    expect(runs).toBe(3);
    expect(await values()).toEqual([2, 2]);
  });

  it('gives up after three attempts: 503 too_much_contention', async () => {
    let runs = 0;
    const work = transactions.run(async (tx) => {
      runs++;
      await query(tx, `DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$`);
    });
    await expect(work).rejects.toMatchObject({ kind: 'unavailable', code: 'too_much_contention' });
    expect(runs).toBe(3);
  });

  it.each(['53100', '53200', '58030'])('a database without space, or whose disk fails (%s): 503 dependency_unavailable', async (state) => {
    const work = transactions.run((tx) => query(tx, `DO $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '${state}'; END $$`));
    await expect(work).rejects.toMatchObject({ kind: 'unavailable', code: 'dependency_unavailable' });
  });

  it('turns violated references and names into conflicts', async () => {
    const insert = transactions.run((tx) => query(tx, 'INSERT INTO numbers VALUES (1, 1)'));
    await expect(insert).rejects.toMatchObject({ kind: 'conflict', code: 'already_exists' });
    const dangling = transactions.run(async (tx) => {
      await query(tx, 'CREATE TABLE refs (id integer REFERENCES numbers(id))');
      await query(tx, 'INSERT INTO refs VALUES (99)');
    });
    await expect(dangling).rejects.toMatchObject({ kind: 'conflict', code: 'reference_conflict' });
  });

  it('inside of another throws: on the embedded database it would wait for ever', async () => {
    await expect(transactions.run(() => transactions.run(async () => undefined))).rejects.toThrow('a transaction inside of a transaction');
  });

  it('a handle is of no use after its transaction', async () => {
    const tx = await transactions.run(async (handle) => handle);
    await expect(query(tx, 'SELECT 1')).rejects.toThrow('the transaction has ended');
    expect(() => transactions.afterCommit(tx, () => undefined)).toThrow('outside of a running transaction');
  });

  it('more at once than the pool has connections all get their turn', async () => {
    await Promise.all(Array.from({ length: 50 }, () => transactions.run((tx) => add(tx, 1))));
    expect(await values()).toEqual([50, 0]);
  });
});

describe('read and snapshot', () => {
  for (const how of ['read', 'snapshot'] as const) {
    it(`${how} cannot change anything`, async () => {
      await expect(transactions[how]((tx) => add(tx, 1))).rejects.toThrow(/read-only transaction/);
      expect(await values()).toEqual([0, 0]);
    });
  }

  itWithSessions('snapshot sees one moment, read the newest', async () => {
    const seen = async (how: 'read' | 'snapshot') =>
      transactions[how](async (tx) => {
        const look = async () => (await query<{ value: number }>(tx, 'SELECT value FROM numbers WHERE id = 1'))[0]!.value;
        const before = await look();
        await addFromOutside();
        return (await look()) - before;
      });
    expect(await seen('read')).toBe(1);
    expect(await seen('snapshot')).toBe(0);
  });
});

/** By a connection of its own, as another replica would. */
async function addFromOutside(): Promise<void> {
  const { Client } = await import('pg');
  const client = new Client({ connectionString: testDatabase.url });
  await client.connect();
  await client.query('UPDATE numbers SET value = value + 1 WHERE id = 1');
  await client.end();
}

describe('afterCommit', () => {
  it('is called after the commit, in order', async () => {
    const seen: unknown[] = [];
    const called = new Promise<void>((resolve) => {
      void transactions.run(async (tx) => {
        await add(tx, 1);
        transactions.afterCommit(tx, () => void seen.push('first'));
        transactions.afterCommit(tx, async () => {
          seen.push(await values());
          resolve();
        });
        seen.push('work');
      });
    });
    await called;
    expect(seen).toEqual(['work', 'first', [1, 0]]);
  });

  it('is not called after a rollback, and once only when the work was run again', async () => {
    let calls = 0;
    const failing = transactions.run(async (tx) => {
      transactions.afterCommit(tx, () => void calls++);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(calls).toBe(0);
    let runs = 0;
    await transactions.run(async (tx) => {
      transactions.afterCommit(tx, () => void calls++);
      if (++runs === 1) await query(tx, `DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$`);
    });
    expect([runs, calls]).toEqual([2, 1]);
  });

  it('what it throws is logged and harms nobody', async () => {
    let second = false;
    await transactions.run(async (tx) => {
      transactions.afterCommit(tx, () => {
        throw new Error('callback broke');
      });
      transactions.afterCommit(tx, () => {
        second = true;
      });
    });
    expect(second).toBe(true);
    await eventually(async () => expect(logged.join()).toContain('callback broke'));
  });
});

describe('when the database goes away', () => {
  it('in the middle of the work: 503 dependency_unavailable, nothing changed, and the next transaction works', async () => {
    const work = transactions.run(async (tx) => {
      await add(tx, 1);
      await proxy.cut();
      await add(tx, 1);
    });
    await expect(work).rejects.toMatchObject({ kind: 'unavailable', code: 'dependency_unavailable' });
    await expect(transactions.run((tx) => add(tx, 1))).rejects.toMatchObject({ code: 'dependency_unavailable' });
    await expect(values()).rejects.toMatchObject({ code: 'dependency_unavailable' });
    await proxy.mend();
    await transactions.run((tx) => add(tx, 2));
    expect(await values()).toEqual([0, 1]);
  });

  for (const afterServerGotIt of [false, true]) {
    it(`while committing, ${afterServerGotIt ? 'done' : 'not done'}: 503 commit_unknown`, async () => {
      let committed = false;
      proxy.cutOn('COMMIT', { afterServerGotIt });
      const work = transactions.run(async (tx) => {
        transactions.afterCommit(tx, () => {
          committed = true;
        });
        await add(tx, 1);
      });
      await expect(work).rejects.toMatchObject({ kind: 'unavailable', code: 'commit_unknown' });
      expect(committed).toBe(false);
      expect(await values()).toEqual([afterServerGotIt ? 1 : 0, 0]);
    });
  }

  itWithSessions('a statement that takes too long is 503, and its connection is not used again in that state', async () => {
    const work = transactions.run(async (tx) => {
      await query(tx, "SET LOCAL statement_timeout = '10ms'");
      await add(tx, 1);
      await query(tx, 'SELECT pg_sleep(10)');
    });
    await expect(work).rejects.toMatchObject({ kind: 'unavailable', code: 'dependency_unavailable' });
    expect(await values()).toEqual([0, 0]);
  });
});
