import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/** Set by `npm test` where there is no PostgreSQL: the folder from which embedded ones are made. */
const TEMPLATE = process.env.FABRIC_TEST_EMBEDDED;

/** For what the embedded PostgreSQL cannot show, whose connections share one session: who waits for whom, snapshots side by side, other databases. */
export const itWithSessions = TEMPLATE ? it.skip : it;

/** An empty database of its own: on the server that DATABASE_URL names, else on 127.0.0.1, else embedded. */
export async function createTestDatabase(): Promise<TestDatabase> {
  if (TEMPLATE) return embeddedDatabase(TEMPLATE);
  const server = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';
  const name = `fabric_api_${randomBytes(6).toString('hex')}`;
  await execute(server, `CREATE DATABASE ${name}`);
  // What a commit means to other sessions stays the same. No test pulls the plug of this server, so none needs to wait for its disk.
  await execute(server, `ALTER DATABASE ${name} SET synchronous_commit = off`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => execute(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function embeddedDatabase(template: string): Promise<TestDatabase> {
  const script = fileURLToPath(new URL('../../../../.tools/embedded-database.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, template], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  for await (const url of createInterface(child.stdout)) {
    return {
      url,
      async drop() {
        child.stdin.end();
        await ended;
      },
    };
  }
  throw new Error('the embedded PostgreSQL did not start');
}

async function execute(server: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
