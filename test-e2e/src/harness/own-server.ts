import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { eventually } from '@app-fabric/scenario';
import pg from 'pg';
import { freePort } from './free-port.js';

const START_TIMEOUT_MS = 30_000;

/** A PostgreSQL or Redis of the test's own, that it may kill and bring back on the same port. */
export interface OwnServer {
  url: string;
  /** SIGKILL, as a crash. Resolves when nothing listens any more. */
  kill(): Promise<void>;
  /** Brings it back. Resolves when it answers. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

/** Keeps nothing on disk: after a kill it comes back empty. */
export async function ownRedis(): Promise<OwnServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'fabric-e2e-redis-'));
  return ownServer({
    url: `redis://127.0.0.1:${port}`,
    folder,
    spawn: () =>
      spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder], {
        stdio: 'ignore',
      }),
    answers: () => redisAnswers(port),
  });
}

/** An empty cluster; what was committed survives a kill. */
export async function ownPostgres(): Promise<OwnServer> {
  const bin = postgresBin();
  if (!bin) throw new Error('no PostgreSQL server programs found');
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'fabric-e2e-postgres-'));
  // PostgreSQL refuses to run as root.
  const user = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  if (user.uid !== undefined) await chown(folder, user.uid, user.gid);
  execFileSync(join(bin, 'initdb'), ['-D', folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'], {
    ...user,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  return ownServer({
    url,
    folder,
    spawn: () =>
      spawn(join(bin, 'postgres'), ['-D', folder, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-k', ''], {
        ...user,
        cwd: folder,
        stdio: 'ignore',
      }),
    answers: () => postgresAnswers(url),
  });
}

interface OwnServerParts {
  url: string;
  folder: string;
  spawn(): ChildProcess;
  answers(): Promise<true | undefined>;
}

/** Whatever is started with these parts. */
export async function ownServer(parts: OwnServerParts): Promise<OwnServer> {
  let child: ChildProcess | undefined;
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  const start = async () => {
    await eventually(`${parts.url} answers`, START_TIMEOUT_MS, async () => {
      // PostgreSQL does not start while backends of the killed one are still going away.
      if (!child || child.exitCode !== null || child.signalCode !== null) child = parts.spawn();
      return parts.answers();
    });
  };
  await start();
  return {
    url: parts.url,
    kill,
    start,
    async remove() {
      await kill();
      await rm(parts.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

/** With `promtool`, as Debian's package prometheus has both. */
export const hasPrometheus = onPath('prometheus') !== undefined && onPath('promtool') !== undefined;
export const hasRedisServer = onPath('redis-server') !== undefined;
export const hasPostgresServer = postgresBin() !== undefined;

function postgresBin(): string | undefined {
  const found = onPath('initdb');
  // A link on PATH may stand for one program only: the others are beside what it points to.
  if (found) return dirname(realpathSync(join(found, 'initdb')));
  const debian = '/usr/lib/postgresql';
  const newest = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a))[0] : undefined;
  const bin = newest && join(debian, newest, 'bin');
  return bin && existsSync(join(bin, 'initdb')) ? bin : undefined;
}

function onPath(program: string): string | undefined {
  return (process.env.PATH ?? '').split(delimiter).find((folder) => folder && existsSync(join(folder, program)));
}

function idOf(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
}

async function postgresAnswers(url: string): Promise<true> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('select 1');
  await client.end();
  return true;
}

function redisAnswers(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(2000, () => socket.destroy());
    socket.once('data', (data) => {
      resolve(data.toString().startsWith('+PONG') ? true : undefined);
      socket.destroy();
    });
    socket.once('error', () => resolve(undefined));
    socket.once('close', () => resolve(undefined));
  });
}
