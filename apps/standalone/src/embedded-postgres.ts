import { mkdir } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { DataFolderError } from './data-folder-error.js';

/** More than API pool, migrations and a curious psql need together. */
const MAX_CONNECTIONS = 50;

export interface EmbeddedPostgres {
  /** `postgres://…` on loopback, for the same driver and the same migrations as a real server. */
  url: string;
  /** Refuses further queries, writes everything to disk. */
  close(): Promise<void>;
}

/**
 * PostgreSQL in this process, with its data in `folder`, served over its wire protocol on a free loopback port.
 * All connections share one session: while a transaction is open every other connection waits, and a session lock keeps nobody out.
 * Only one process may have a folder open; nothing here guards that (see data-folder-lock.ts). Throws DataFolderError when it cannot be used.
 */
export async function startEmbeddedPostgres(folder: string): Promise<EmbeddedPostgres> {
  const database = await open(folder);
  const server = new PGLiteSocketServer({ db: database, host: '127.0.0.1', port: 0, maxConnections: MAX_CONNECTIONS });
  await server.start();
  return {
    url: `postgres://postgres@${server.getServerConn()}/postgres`,
    async close() {
      await server.stop();
      await database.close();
    },
  };
}

async function open(folder: string): Promise<SharedSession> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const database = new SharedSession(folder);
    await database.waitReady;
    return database;
  } catch (error) {
    throw new DataFolderError(folder, error);
  }
}

const SYNC = 'S'.charCodeAt(0);
/** Parse, Bind, Describe, Execute, Close, Flush: messages of the extended protocol that only a Sync brings to an end. */
const OPENS_SEQUENCE = new Set(Array.from('PBDECH', (letter) => letter.charCodeAt(0)));
const SYNC_MESSAGE = new Uint8Array([SYNC, 0, 0, 0, 4]);

/**
 * The wire server lets another connection in between any two messages outside of a transaction. A query with parameters is several
 * messages (Parse, Bind, Execute, Sync), and the unnamed statement belongs to the session: with parameters of some megabytes,
 * which arrive in pieces, one connection's Bind met another's Parse. So the time from Parse to Sync counts as a transaction, too.
 */
class SharedSession extends PGlite {
  private inSequence = false;

  override isInTransaction(): boolean {
    return this.inSequence || super.isInTransaction();
  }

  override execProtocolRawStream(...parameters: Parameters<PGlite['execProtocolRawStream']>): Promise<void> {
    const type = parameters[0][0];
    this.inSequence = type !== undefined && OPENS_SEQUENCE.has(type);
    return super.execProtocolRawStream(...parameters);
  }

  /** Called by the wire server with ROLLBACK when a connection goes away in the middle. After an error the session also waits for the Sync. */
  override async exec(...parameters: Parameters<PGlite['exec']>): ReturnType<PGlite['exec']> {
    if (this.inSequence) {
      this.inSequence = false;
      await this.execProtocolRaw(SYNC_MESSAGE);
    }
    return super.exec(...parameters);
  }
}
