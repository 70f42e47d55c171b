import { connect } from 'node:net';
import pg from 'pg';
import { describeWithOwnPostgres } from './describe-with-servers.js';
import { ownDatabase } from './own-database.js';
import { type OwnServer, ownPostgres, ownRedis } from './own-server.js';

describeWithOwnPostgres('servers that a test may kill', () => {
  const servers: OwnServer[] = [];

  afterAll(() => Promise.all(servers.map((server) => server.remove())));

  it('PostgreSQL: what was committed is there again after a kill, on the same address', async () => {
    const server = await ownPostgres();
    servers.push(server);
    const database = await ownDatabase(server.url);
    await query(database.url, 'create table kept as select 42 as n');
    await server.kill();
    await expect(query(database.url, 'select 1')).rejects.toThrow('ECONNREFUSED');
    await server.start();
    expect(await query(database.url, 'select n from kept')).toEqual([{ n: 42 }]);
    await database.remove();
    await expect(query(database.url, 'select 1')).rejects.toThrow('does not exist');
  }, 60_000);

  it('Redis: comes back empty after a kill, on the same address', async () => {
    const server = await ownRedis();
    servers.push(server);
    const port = Number(new URL(server.url).port);
    expect(await ask(port, 'SET a 1')).toBe('+OK');
    await server.kill();
    await expect(ask(port, 'PING')).rejects.toThrow('ECONNREFUSED');
    await server.start();
    expect(await ask(port, 'GET a')).toBe('$-1');
  }, 60_000);
});

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\r\n`));
    socket.once('error', reject);
    socket.once('data', (data) => {
      resolve(data.toString().trim());
      socket.destroy();
    });
  });
}
