import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { appKey, parseRouteDocument, type RouteDocument, type RouteHead, type RouteSnapshot } from '@app-fabric/contracts';
import type { Clock } from './clock.js';
import { readRevision } from './raw-change.js';

/** After the first change, and at least between two writes: a burst of changes becomes one file. */
const FIRST_DELAY_MS = 200;
const MIN_INTERVAL_MS = 2_000;
/** Writing takes at most about this part of the time: a large table is written less often. */
const DUTY = 0.02;
/** A larger file is not ours. */
const MAX_BYTES = 1024 * 1024 * 1024;
/** What is joined, hashed and written without a pause: about a fifth of a millisecond. */
const CHARACTERS_IN_A_PIECE = 65_536;
/** At most, of a UTF-16 unit in UTF-8. */
const BYTES_OF_A_CHARACTER = 3;
/** What the log says of a key that may be anything. */
const MAX_KEY = 257;
/** Holds the place of one until it is known. */
const NO_CHECKSUM = '0'.repeat(64);

/** The routes, each document as JSON. */
export interface SnapshotToWrite extends RouteHead {
  documents: readonly { readonly json: string }[];
}

/** A document of a snapshot that is not taken. Of an app and a revision, as far as even that can be read. */
interface UnreadableDocument {
  key: string | null;
  revision: number | null;
  reason: string;
}

/** Of an older or newer program, some documents may not parse: the others are worth having. */
export type ParsedSnapshot = { ok: true; value: RouteSnapshot; unreadable: readonly UnreadableDocument[] } | { ok: false; reason: string };

interface Log {
  warn(fields: object, text: string): void;
}

/**
 * The last known routes on disk, for a start without Redis: one line with a SHA-256 of the rest, then the snapshot as JSON. Written to a
 * temporary file, synced and renamed, so that a crash leaves the old one. Nothing that goes wrong here stops anything.
 */
export class SnapshotFile {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #current: () => SnapshotToWrite | null;
  #cancel: (() => void) | null = null;
  #writing: Promise<void> = Promise.resolve();
  #earliest = 0;
  #failing = false;
  #dirty = false;
  #closed = false;

  constructor(path: string, clock: Clock, log: Log, current: () => SnapshotToWrite | null) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
    this.#current = current;
  }

  /** `null` when there is none. Never rejects. */
  async load(): Promise<ParsedSnapshot | null> {
    let text: string;
    try {
      text = await readText(this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      return { ok: false, reason: (error as Error).message };
    }
    return parseSnapshot(text);
  }

  /** The routes have changed; they will be written soon. */
  changed(): void {
    this.#dirty = true;
    if (this.#cancel !== null || this.#closed) return;
    const delayMs = Math.max(FIRST_DELAY_MS, this.#earliest - this.#clock.now());
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#cancel = null;
      void this.flush();
    });
  }

  /** Writes what has not been written. Never rejects. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    this.#cancel = null;
    await this.flush();
  }

  async #write(): Promise<void> {
    const snapshot = this.#dirty ? this.#current() : null;
    if (snapshot === null) return;
    this.#dirty = false;
    const startedAt = this.#clock.now();
    const temporary = `${this.#path}.${process.pid}.tmp`;
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      const file = await open(temporary, 'w', 0o600);
      try {
        await writePieces(file, snapshot);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.#path);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#log.warn({ err: error, path: this.#path }, 'the snapshot of the routes cannot be written');
      this.#failing = true;
      await rm(temporary, { force: true }).catch(() => undefined);
    }
    const tookMs = this.#clock.now() - startedAt;
    this.#earliest = this.#clock.now() + Math.max(MIN_INTERVAL_MS, tookMs / DUTY);
  }
}

/** The file as it is written, piece by piece; its first line, which needs the checksum of the others, comes last. */
export function* snapshotBody({ epoch, revision, documents }: SnapshotToWrite): Generator<string, void, undefined> {
  yield `{"epoch":${JSON.stringify(epoch)},"revision":${revision},"documents":[`;
  let piece = '';
  for (const [index, { json }] of documents.entries()) {
    piece += index === 0 ? json : `,${json}`;
    if (piece.length < CHARACTERS_IN_A_PIECE) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}]}`;
}

/** `checksum`: SHA-256 of the body, in hex. Always of the same length. */
export function snapshotHead(checksum: string): string {
  return `app-fabric-routes 1 ${checksum}\n`;
}

export function parseSnapshot(text: string): ParsedSnapshot {
  const lineEnd = text.indexOf('\n');
  const head = /^app-fabric-routes 1 ([0-9a-f]{64})$/.exec(text.slice(0, Math.max(0, lineEnd)));
  if (head === null) return { ok: false, reason: 'not a snapshot of routes' };
  const body = text.slice(lineEnd + 1).trimEnd();
  if (sha256(body) !== head[1]) return { ok: false, reason: 'the checksum differs' };
  let raw: unknown;
  try {
    raw = JSON.parse(body);
  } catch {
    return { ok: false, reason: 'not JSON' };
  }
  const { epoch, revision, documents } = (raw ?? {}) as Record<string, unknown>;
  if (typeof epoch !== 'string' || !Number.isSafeInteger(revision) || !Array.isArray(documents))
    return { ok: false, reason: 'fields are missing' };
  const accepted: RouteDocument[] = [];
  const unreadable: UnreadableDocument[] = [];
  for (const document of documents) {
    const parsed = parseRouteDocument(document);
    if (parsed.ok) accepted.push(parsed.value);
    else unreadable.push({ key: readKey(document), revision: readRevision(document), reason: parsed.reason });
  }
  return { ok: true, value: { epoch, revision: revision as number, documents: accepted }, unreadable };
}

function readKey(document: unknown): string | null {
  const { namespace, app } = (document as { routes?: Record<string, unknown> } | null)?.routes ?? {};
  if (typeof namespace !== 'string' || typeof app !== 'string') return null;
  return appKey(namespace, app).slice(0, MAX_KEY);
}

/** Requests have their turn after each piece. */
async function writePieces(file: FileHandle, snapshot: SnapshotToWrite): Promise<void> {
  const hash = createHash('sha256');
  let position = snapshotHead(NO_CHECKSUM).length;
  // One for all: a buffer for each piece of a large table would keep the garbage collector busy.
  let buffer = Buffer.allocUnsafe(2 * CHARACTERS_IN_A_PIECE * BYTES_OF_A_CHARACTER);
  for (const piece of snapshotBody(snapshot)) {
    if (piece.length * BYTES_OF_A_CHARACTER > buffer.length) buffer = Buffer.allocUnsafe(piece.length * BYTES_OF_A_CHARACTER);
    const length = buffer.write(piece);
    hash.update(buffer.subarray(0, length));
    for (let done = 0; done < length; ) done += (await file.write(buffer, done, length - done, position + done)).bytesWritten;
    position += length;
  }
  await file.write(snapshotHead(hash.digest('hex')), 0);
}

async function readText(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > MAX_BYTES) throw new Error(`the file has ${size} bytes`);
  } finally {
    await file.close();
  }
  return readFile(path, 'utf8');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
