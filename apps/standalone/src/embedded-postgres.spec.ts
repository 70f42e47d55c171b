import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js';

let folder: string;
let database: EmbeddedPostgres | undefined;
let pools: pg.Pool[] = [];

// One folder for all: making an empty database takes seconds. Each test has tables of its own.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fabric-pglite-'));
  await open();
  await closeAll();
}, 60_000);

afterEach(closeAll);

afterAll(() => rm(folder, { recursive: true, force: true }));

async function open(): Promise<pg.Pool> {
  database = await startEmbeddedPostgres(join(folder, 'postgres'));
  return poolTo(database.url);
}

function poolTo(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 8 });
  pools.push(pool);
  return pool;
}

async function closeAll(): Promise<void> {
  await Promise.all(pools.map((pool) => pool.end()));
  pools = [];
  await database?.close();
  database = undefined;
}

describe('embedded PostgreSQL', () => {
  it('runs concurrent transactions of a pool one after the other, losing no update', async () => {
    const pool = await open();
    await pool.query('create table counter (n int not null)');
    await pool.query('insert into counter values (0)');
    const addOne = async () => {
      const client = await pool.connect();
      try {
        await client.query('begin');
        const { rows } = await client.query('select n from counter');
        await client.query('update counter set n = $1', [rows[0].n + 1]);
        await client.query('commit');
      } finally {
        client.release();
      }
    };
    await Promise.all(Array.from({ length: 40 }, addOne));
    const { rows } = await pool.query('select n from counter');
    expect(rows[0].n).toBe(40);
  });

  it('keeps the messages of one query together, however large its parameters', async () => {
    const pool = await open();
    const large = 'x'.repeat(4_000_000);
    const ask = async (columns: number) => {
      const list = Array.from({ length: columns }, (_, index) => `$${index + 2}::int as c${index}`).join(', ');
      const numbers = Array.from({ length: columns }, (_, index) => columns * 100 + index);
      const { rows } = await pool.query(`select length($1::text) as length, ${list}`, [columns % 2 ? large : 'small', ...numbers]);
      expect(Object.values(rows[0])).toEqual([columns % 2 ? large.length : 5, ...numbers]);
    };
    await Promise.all(Array.from({ length: 24 }, (_, index) => ask((index % 8) + 1)));
  });

  it('serves the others when a connection goes away inside a transaction', async () => {
    const pool = await open();
    await pool.query('create table left_alone (n int)');
    const leaver = new pg.Client({ connectionString: database!.url });
    leaver.on('error', () => undefined);
    await leaver.connect();
    await leaver.query('begin');
    await leaver.query('insert into left_alone values (1)');
    (leaver as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    const { rows } = await pool.query('select count(*)::int as n from left_alone');
    expect(rows[0].n).toBe(0);
  });

  it('serves the others when a connection goes away between Parse and Sync, also after an error', async () => {
    const pool = await open();
    const { port } = new URL(database!.url);
    const leavers = [
      [[], 'select $1::int'],
      [[], 'this is no sql'],
      [['begin'], 'select $1::int'],
      [['begin'], 'this is no sql'],
    ] as const;
    for (const [before, text] of leavers) {
      const socket = connect(Number(port), '127.0.0.1');
      socket.write(startup());
      await once(socket, 'data');
      for (const statement of before) {
        socket.write(queryMessage(statement));
        await once(socket, 'data');
      }
      socket.write(parseMessage(text));
      await once(socket, 'data');
      socket.destroy();
      const { rows } = await pool.query('select $1::int as n', [7]);
      expect(rows[0].n).toBe(7);
      // In a transaction that was left open, this would stay the same.
      const transaction = async () => (await pool.query('select txid_current()::text as id')).rows[0].id;
      expect(await transaction()).not.toBe(await transaction());
    }
  });

  it('keeps its data over a restart', async () => {
    const first = await open();
    await first.query('create table kept (n int)');
    await first.query('insert into kept values (1), (2)');
    await closeAll();
    const second = await open();
    const { rows } = await second.query('select count(*)::int as n from kept');
    expect(rows[0].n).toBe(2);
  });

  it('opens again after SIGKILL with everything that was committed', async () => {
    // A process of its own, so that it can be killed; it runs what was compiled.
    const module = new URL('../dist/embedded-postgres.js', import.meta.url).href;
    const script = `const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
      const database = await startEmbeddedPostgres(${JSON.stringify(join(folder, 'postgres'))});
      console.log(database.url);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
    const pool = poolTo(url);
    pool.on('error', () => undefined);
    await pool.query('create table killed (n int)');
    for (let n = 1; n <= 20; n += 1) await pool.query('insert into killed values ($1)', [n]);
    const open20 = await pool.connect();
    open20.on('error', () => undefined);
    await open20.query('begin');
    await open20.query('insert into killed values (99)');
    child.kill('SIGKILL');
    await once(child, 'exit');
    open20.release(true);
    const again = await open();
    const { rows } = await again.query('select count(*)::int as n, max(n) as max from killed');
    expect(rows[0]).toEqual({ n: 20, max: 20 });
  });
});

function startup(): Buffer {
  const parameters = Buffer.from('user\0postgres\0database\0postgres\0\0');
  const head = Buffer.alloc(8);
  head.writeInt32BE(head.length + parameters.length, 0);
  head.writeInt32BE(196608, 4);
  return Buffer.concat([head, parameters]);
}

function queryMessage(text: string): Buffer {
  const body = Buffer.from(`${text}\0`);
  const head = Buffer.alloc(5);
  head.write('Q');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** Parse of the unnamed statement, then Flush: an answer comes, the sequence stays open. */
function parseMessage(text: string): Buffer {
  const body = Buffer.concat([Buffer.from(`\0${text}\0`), Buffer.alloc(2)]);
  const head = Buffer.alloc(5);
  head.write('P');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body, Buffer.from([0x48, 0, 0, 0, 4])]);
}
