import { EventEmitter, on } from 'node:events';
import { appendFile, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogLine, LogReader } from '../program-runtime.js';
import { InstanceOutput } from './instance-output.js';
import { Redaction } from './redaction.js';

const FILE_BYTES = 2_097_152;
const FILES = 5;
const PIECE_CHARACTERS = 262_144;
const DEFAULT_TAIL = 1_000;
const MAX_TAIL = 10_000;
/** Lines that a slow follower may be behind. */
const MAX_BEHIND = 10_000;
/** Folders of runs that are kept; the oldest go first. */
const MAX_RUNS = 200;

/** What programs write, by run: JSON lines in a few files of bounded size. `lines.0` is the newest. */
export class RunLogs implements LogReader {
  private readonly folder: string;
  private readonly turns = new Map<string, Promise<void>>();
  private readonly live = new Map<string, EventEmitter>();

  constructor(dataDir: string) {
    this.folder = join(dataDir, 'logs');
  }

  /** Where an instance's output goes, and what is noted of it. `secrets` are taken out before anybody can read them here. */
  outputOf(
    runId: string,
    instanceId: string,
    secrets: readonly string[] = [],
    alsoTo: (lines: readonly LogLine[]) => void = () => undefined,
  ): InstanceOutput {
    if (!this.live.has(runId)) this.live.set(runId, new EventEmitter().setMaxListeners(0));
    return new InstanceOutput(join(this.folder, runId), instanceId, new Redaction(secrets), (lines) => {
      alsoTo(lines);
      return this.append(runId, lines);
    });
  }

  /** No instance of the run is left: followers come to their end. */
  async end(runId: string): Promise<void> {
    await this.inTurn(runId, async () => {
      this.live.get(runId)?.emit('end');
      this.live.delete(runId);
    });
    await this.prune();
  }

  read(runId: string, query: { tail?: number; since?: Date } = {}): Promise<LogLine[]> {
    return this.inTurn(runId, () => this.readFiles(runId, query));
  }

  async *follow(runId: string, query: { tail?: number; since?: Date }, signal: AbortSignal): AsyncIterable<LogLine> {
    const ended = new AbortController();
    const end = () => ended.abort();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    const behind: LogLine[] = [];
    let missed = 0;
    const wake = new EventEmitter();
    const note = (lines: readonly LogLine[]) => {
      for (const line of lines.slice(-MAX_BEHIND)) behind.push(line);
      const dropped = behind.splice(0, behind.length - MAX_BEHIND).length;
      missed += dropped + Math.max(0, lines.length - MAX_BEHIND);
      wake.emit('lines');
    };
    let live: EventEmitter | undefined;
    try {
      // Between what is read and what is heard nothing may be written.
      const old = await this.inTurn(runId, async () => {
        const lines = await this.readFiles(runId, query);
        live = this.live.get(runId)?.on('lines', note).once('end', end);
        return lines;
      });
      yield* old;
      if (!live) return;
      const wakes = on(wake, 'lines', { signal: ended.signal });
      for (;;) {
        if (missed > 0)
          yield { at: new Date().toISOString(), stream: 'system', instanceId: '', line: `${missed} lines were missed by this reader` };
        missed = 0;
        yield* behind.splice(0);
        if (behind.length > 0 && !signal.aborted) continue;
        if (ended.signal.aborted) return;
        await wakes.next().catch(() => undefined);
      }
    } finally {
      live?.off('lines', note);
      live?.off('end', end);
      signal.removeEventListener('abort', end);
    }
  }

  private async readFiles(runId: string, { tail = DEFAULT_TAIL, since }: { tail?: number; since?: Date }): Promise<LogLine[]> {
    const wanted = Math.min(tail, MAX_TAIL);
    let lines: LogLine[] = [];
    for (let index = 0; index < FILES && lines.length < wanted; index++) {
      const text = await readFile(this.file(runId, index), 'utf8').catch(() => '');
      lines = [...parseLines(text), ...lines];
    }
    const from = since?.toISOString();
    const matching = lines.filter(({ at }) => from === undefined || at >= from);
    return matching.slice(Math.max(0, matching.length - wanted));
  }

  /** What cannot be written (a full disk) is lost, and nothing else is. */
  private append(runId: string, lines: readonly LogLine[]): Promise<void> {
    return this.inTurn(runId, async () => {
      try {
        for (const piece of pieces(lines)) {
          await this.rotate(runId);
          await appendFile(this.file(runId, 0), piece, { mode: 0o600 });
        }
      } catch {
        // nobody can be told here; the live readers still get them
      }
      this.live.get(runId)?.emit('lines', lines);
    });
  }

  /** One task after the other for each run: a reader never meets a file that is being renamed. `task` must not reject. */
  private inTurn<T>(runId: string, task: () => Promise<T>): Promise<T> {
    const result = (this.turns.get(runId) ?? Promise.resolve()).then(task);
    const turn = result.then(() => undefined);
    this.turns.set(runId, turn);
    void turn.then(() => {
      if (this.turns.get(runId) === turn) this.turns.delete(runId);
    });
    return result;
  }

  private async rotate(runId: string): Promise<void> {
    await mkdir(join(this.folder, runId), { recursive: true, mode: 0o700 });
    const size = await stat(this.file(runId, 0)).then(
      (found) => found.size,
      () => 0,
    );
    if (size < FILE_BYTES) return;
    for (let index = FILES - 1; index > 0; index--)
      await rename(this.file(runId, index - 1), this.file(runId, index)).catch(() => undefined);
  }

  private async prune(): Promise<void> {
    const runs = await readdir(this.folder).catch(() => []);
    if (runs.length <= MAX_RUNS) return;
    const aged = await Promise.all(
      runs
        .filter((runId) => !this.live.has(runId))
        .map(async (runId) => ({ runId, at: (await stat(join(this.folder, runId)).catch(() => null))?.mtimeMs ?? 0 })),
    );
    aged.sort((a, b) => a.at - b.at);
    for (const { runId } of aged.slice(0, runs.length - MAX_RUNS)) await rm(join(this.folder, runId), { recursive: true, force: true });
  }

  private file(runId: string, index: number): string {
    return join(this.folder, runId, `lines.${index}.ndjson`);
  }
}

/** JSON lines, in pieces: a file is no longer than its bound and one piece. */
function* pieces(lines: readonly LogLine[]): Iterable<string> {
  let piece = '';
  for (const line of lines) {
    piece += `${JSON.stringify(line)}\n`;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

function parseLines(text: string): LogLine[] {
  const lines: LogLine[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    try {
      lines.push(JSON.parse(line) as LogLine);
    } catch {
      // the end of a file that was cut off by a crash
    }
  }
  return lines;
}
