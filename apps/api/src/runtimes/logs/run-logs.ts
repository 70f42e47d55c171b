import { EventEmitter, on } from 'node:events';
import { appendFile, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogLine, LogReader } from '../program-runtime.js';
import { InstanceOutput } from './instance-output.js';
import { Redaction } from './redaction.js';

const FILE_BYTES = 2_097_152;
const FILES = 5;
const DEFAULT_TAIL = 1_000;
const MAX_TAIL = 10_000;
/** Lines that a slow follower may be behind. */
const MAX_BEHIND = 10_000;
/** Folders of runs that are kept; the oldest go first. */
const MAX_RUNS = 200;

/** What programs write, by run: JSON lines in a few files of bounded size. `lines.0` is the newest. */
export class RunLogs implements LogReader {
  private readonly folder: string;
  private readonly writing = new Map<string, Promise<void>>();
  private readonly live = new Map<string, EventEmitter>();

  constructor(dataDir: string) {
    this.folder = join(dataDir, 'logs');
  }

  /** Where an instance's output goes, and what is noted of it. `secrets` are taken out before anybody can read them here. */
  outputOf(runId: string, instanceId: string, secrets: readonly string[] = []): InstanceOutput {
    if (!this.live.has(runId)) this.live.set(runId, new EventEmitter().setMaxListeners(0));
    return new InstanceOutput(join(this.folder, runId), instanceId, new Redaction(secrets), (lines) => this.append(runId, lines));
  }

  /** No instance of the run is left: followers come to their end. */
  async end(runId: string): Promise<void> {
    await this.writing.get(runId);
    this.live.get(runId)?.emit('end');
    this.live.delete(runId);
    await this.prune();
  }

  async read(runId: string, { tail = DEFAULT_TAIL, since }: { tail?: number; since?: Date } = {}): Promise<LogLine[]> {
    await this.writing.get(runId);
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

  async *follow(runId: string, options: { tail?: number; since?: Date }, signal: AbortSignal): AsyncIterable<LogLine> {
    const live = this.live.get(runId);
    const stopped = new AbortController();
    const stop = () => stopped.abort();
    signal.addEventListener('abort', stop, { once: true });
    live?.once('end', stop);
    const behind: LogLine[] = [];
    let missed = 0;
    const wake = new EventEmitter();
    const note = (lines: LogLine[]) => {
      behind.push(...lines);
      if (behind.length > MAX_BEHIND) missed += behind.splice(0, behind.length - MAX_BEHIND).length;
      wake.emit('lines');
    };
    try {
      await this.writing.get(runId);
      const old = await this.read(runId, options);
      live?.on('lines', note);
      yield* old;
      if (!live || !this.live.has(runId)) return;
      const wakes = on(wake, 'lines', { signal: stopped.signal });
      for (;;) {
        if (missed > 0)
          yield { at: new Date().toISOString(), stream: 'system', instanceId: '', line: `${missed} lines were missed by this reader` };
        missed = 0;
        yield* behind.splice(0);
        if (stopped.signal.aborted) return;
        if (behind.length === 0) await wakes.next().catch(() => undefined);
      }
    } finally {
      live?.off('lines', note);
      live?.off('end', stop);
      signal.removeEventListener('abort', stop);
    }
  }

  /** One after the other for each run. What cannot be written (a full disk) is lost, and nothing else is. */
  private append(runId: string, lines: LogLine[]): Promise<void> {
    const next = (this.writing.get(runId) ?? Promise.resolve()).then(async () => {
      try {
        await this.rotate(runId);
        await appendFile(this.file(runId, 0), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      } catch {
        // nobody can be told here; the live readers still get them
      }
      this.live.get(runId)?.emit('lines', lines);
    });
    this.writing.set(runId, next);
    void next.then(() => {
      if (this.writing.get(runId) === next) this.writing.delete(runId);
    });
    return next;
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
