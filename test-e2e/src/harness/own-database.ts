import { randomBytes } from 'node:crypto';
import pg from 'pg';

const SERVER_URL = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';

export interface OwnDatabase {
  url: string;
  remove(): Promise<void>;
}

/** A new database in the PostgreSQL at DATABASE_URL, else at 127.0.0.1:5432; or in the one at `server`. */
export async function ownDatabase(server = SERVER_URL): Promise<OwnDatabase> {
  const name = `fabric_e2e_${randomBytes(6).toString('hex')}`;
  await run(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, remove: () => run(server, `drop database if exists ${name} with (force)`) };
}

/** Is there a PostgreSQL that makes databases for us? */
export async function hasDatabaseServer(): Promise<boolean> {
  return run(SERVER_URL, 'select 1').then(
    () => true,
    () => false,
  );
}

async function run(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
