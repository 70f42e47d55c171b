import { fstatSync, ftruncateSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogLine } from '../program-runtime.js';
import type { Redaction } from './redaction.js';

const POLL_MS = 200;
const BATCH_BYTES = 262_144;
const MAX_LINE_BYTES = 16_384;
/** A raw file that was read up to its end is emptied from this size on, once its program has been quiet for a while: what is just being written would be lost. */
const EMPTY_BYTES = 1_048_576;
const QUIET_MS = 1_000;
/** Of a program that is never quiet: emptied all the same. */
const MAX_FILE_BYTES = 67_108_864;
/** A program that writes faster than it can be read loses what is further back, and its file is emptied. */
const MAX_BACKLOG_BYTES = 33_554_432;

const STREAMS = ['stdout', 'stderr'] as const;
type Stream = (typeof STREAMS)[number];

/**
 * A program writes straight into files, which are there whether this process lives or not. What it writes is picked up here, given
 * time and origin, and passed on line by line. The files are opened for appending, so they can be emptied under the program.
 */
export class InstanceOutput {
  private readonly offsets = new Map<Stream, number>();
  private readonly timer: NodeJS.Timeout;
  private collecting: Promise<void> = Promise.resolve();
  private polling = false;

  constructor(
    private readonly folder: string,
    private readonly instanceId: string,
    private readonly redaction: Redaction,
    private readonly append: (lines: LogLine[]) => Promise<void>,
  ) {
    this.timer = setInterval(() => this.poll(), POLL_MS);
    this.timer.unref();
  }

  /** The two files for a program about to start; close them when it has them. */
  async openForProgram(): Promise<{ stdout: FileHandle; stderr: FileHandle }> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const stdout = await open(this.raw('stdout'), 'a', 0o600);
    try {
      return { stdout, stderr: await open(this.raw('stderr'), 'a', 0o600) };
    } catch (error) {
      await stdout.close();
      throw error;
    }
  }

  /** Something that happened to the instance. `ended`: its program has; what it left without a line's end is a line. */
  note(text: string, { ended = false } = {}): void {
    this.collecting = this.collecting.then(async () => {
      await this.collect(ended);
      await this.append([this.line('system', text)]);
    });
  }

  /** Picks up the rest, and removes the raw files when `final`: nobody will write to them any more. */
  async close(final = false): Promise<void> {
    clearInterval(this.timer);
    this.collecting = this.collecting.then(() => this.collect(final));
    await this.collecting;
    if (!final) return;
    for (const stream of STREAMS) {
      await rm(this.raw(stream), { force: true });
      await rm(`${this.raw(stream)}.offset`, { force: true });
    }
  }

  private poll(): void {
    if (this.polling) return;
    this.polling = true;
    this.collecting = this.collecting
      .then(() => this.collect(false))
      .finally(() => {
        this.polling = false;
      });
  }

  private async collect(final: boolean): Promise<void> {
    for (const stream of STREAMS) {
      try {
        while (await this.collectBatch(stream, final));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return; // tried again with the next round
      }
    }
  }

  /** True when there is more. */
  private async collectBatch(stream: Stream, final: boolean): Promise<boolean> {
    const file = await open(this.raw(stream), 'r+');
    try {
      const { size } = await file.stat();
      let offset = await this.offset(stream);
      if (offset > size) offset = 0;
      if (size - offset > MAX_BACKLOG_BYTES) {
        await this.skip(stream, file, offset);
        return true;
      }
      if (size === offset) {
        if (size > EMPTY_BYTES && emptyIfQuiet(file.fd, size)) await this.remember(stream, 0);
        return false;
      }
      const buffer = Buffer.alloc(Math.min(BATCH_BYTES, size - offset));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      const bytes = this.redaction.cover(buffer.subarray(0, bytesRead));
      const { lines, used } = splitLines(bytes, final && offset + bytesRead === size, this.redaction.longest);
      if (lines.length > 0) await this.append(lines.map((text) => this.line(stream, text)));
      if (used > 0) await this.remember(stream, offset + used);
      return used > 0 && offset + used < size;
    } finally {
      await file.close();
    }
  }

  /** Goes on with the newest lines, and takes the file away from under what was not read: else it would grow as long as the program is faster. */
  private async skip(stream: Stream, file: FileHandle, offset: number): Promise<void> {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(BATCH_BYTES);
    const { bytesRead } = await file.read(buffer, 0, BATCH_BYTES, size - BATCH_BYTES);
    ftruncateSync(file.fd);
    await this.remember(stream, 0);
    const lineStart = buffer.indexOf(0x0a) + 1;
    const lineEnd = buffer.lastIndexOf(0x0a, bytesRead - 1) + 1;
    const bytes = this.redaction.cover(buffer.subarray(lineStart, Math.max(lineStart, lineEnd)));
    const { lines } = splitLines(bytes, true, this.redaction.longest);
    const skipped = size - offset - bytes.length;
    await this.append([
      this.line('system', `about ${skipped} bytes of ${stream} were skipped: they came too fast`),
      ...lines.map((text) => this.line(stream, text)),
    ]);
  }

  private async offset(stream: Stream): Promise<number> {
    const known = this.offsets.get(stream);
    if (known !== undefined) return known;
    const stored = Number(await readFile(`${this.raw(stream)}.offset`, 'utf8').catch(() => '0'));
    const offset = Number.isSafeInteger(stored) && stored >= 0 ? stored : 0;
    this.offsets.set(stream, offset);
    return offset;
  }

  private async remember(stream: Stream, offset: number): Promise<void> {
    this.offsets.set(stream, offset);
    await writeFile(`${this.raw(stream)}.offset`, String(offset), { mode: 0o600 });
  }

  private line(stream: LogLine['stream'], line: string): LogLine {
    return { at: new Date().toISOString(), stream, instanceId: this.instanceId, line };
  }

  private raw(stream: Stream): string {
    return join(this.folder, `${this.instanceId}.${stream}`);
  }
}

/** True when it was. A write that has begun has set the time of the file, so only one that begins between these two calls could be hit: nothing may come between them. */
function emptyIfQuiet(fd: number, readBytes: number): boolean {
  const { size, mtimeMs } = fstatSync(fd);
  if (size !== readBytes || (size < MAX_FILE_BYTES && Date.now() - mtimeMs < QUIET_MS)) return false;
  ftruncateSync(fd);
  return true;
}

/**
 * Whole lines, and how many bytes they took. A line that is too long is cut; the last one without an end counts only when `final`, and is
 * cut only where `ahead` bytes more are known: so much of it may belong to something that was covered.
 */
function splitLines(bytes: Buffer, final: boolean, ahead: number): { lines: string[]; used: number } {
  const lines: string[] = [];
  let used = 0;
  while (used < bytes.length) {
    const end = bytes.indexOf(0x0a, used);
    const length = (end < 0 ? bytes.length : end) - used;
    if (length > MAX_LINE_BYTES && end < 0 && !final && length < MAX_LINE_BYTES + ahead) break;
    if (length > MAX_LINE_BYTES) {
      const cut = characterStart(bytes, used + MAX_LINE_BYTES);
      lines.push(bytes.toString('utf8', used, cut));
      used = cut;
    } else if (end >= 0) {
      lines.push(bytes.toString('utf8', used, end > used && bytes[end - 1] === 0x0d ? end - 1 : end));
      used = end + 1;
    } else {
      if (!final) break;
      lines.push(bytes.toString('utf8', used));
      used = bytes.length;
    }
  }
  return { lines, used };
}

/** The beginning of the UTF-8 character in which `index` lies. */
function characterStart(bytes: Buffer, index: number): number {
  let start = index;
  while (start > index - 4 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start--;
  return start;
}
