import { type FileHandle, mkdir, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogLine } from '../program-runtime.js';
import type { Redaction } from './redaction.js';

const POLL_MS = 200;
const BATCH_BYTES = 1_048_576;
const MAX_LINE_BYTES = 16_384;
/** A raw file that was read up to its end is emptied from this size on. */
const TRUNCATE_BYTES = 1_048_576;
/** A program that writes faster than it can be read loses what is further back. */
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

  /** Something that happened to the instance. */
  note(text: string): void {
    this.collecting = this.collecting.then(async () => {
      await this.collect(false);
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
    this.collecting = this.collecting.then(() => this.collect(false));
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
    const file = await open(this.raw(stream), 'r');
    try {
      const { size } = await file.stat();
      let offset = await this.offset(stream);
      if (offset > size) offset = 0;
      if (size - offset > MAX_BACKLOG_BYTES) {
        const skipped = size - offset - BATCH_BYTES;
        await this.append([this.line('system', `${skipped} bytes of ${stream} were skipped: they came too fast`)]);
        offset += skipped;
      }
      if (size === offset) {
        if (size > TRUNCATE_BYTES) {
          await truncate(this.raw(stream));
          await this.remember(stream, 0);
        }
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
