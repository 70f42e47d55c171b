import type { FileHandle } from 'node:fs/promises';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../testing/eventually.js';
import type { LogLine } from '../program-runtime.js';
import type { InstanceOutput } from './instance-output.js';
import { RunLogs } from './run-logs.js';

const RUN = 'run-1';
const MIB = 1_048_576;

let dataDir: string;
let logs: RunLogs;
let output: InstanceOutput;
let marks = 0;
let program: { stdout: FileHandle; stderr: FileHandle };

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'fabric-logs-'));
  logs = new RunLogs(dataDir);
  output = logs.outputOf(RUN, 'i1');
  program = await output.openForProgram();
});

afterEach(async () => {
  await output.close();
  await program.stdout.close();
  await program.stderr.close();
  await rm(dataDir, { recursive: true });
});

const read = async (tail = 10_000) => (await logs.read(RUN, { tail })).map(({ line }) => line);
/** Everything that was written is picked up. */
const collected = async () => {
  marks += 1;
  output.note(`mark ${marks}`);
  await eventually(async () => expect(await read(1)).toEqual([`mark ${marks}`]));
};
const isMark = (line: string) => line.startsWith('mark ');
const sizeOf = async (name: string) => (await stat(join(dataDir, 'logs', RUN, name))).size;
const filled = (number: number, length: number) => `${number} ${'aä€😀'.repeat(Math.ceil(length / 10))} end`;

async function take(lines: AsyncIterable<LogLine>, until: (line: string) => boolean): Promise<string[]> {
  const taken: string[] = [];
  for await (const { line } of lines) {
    taken.push(line);
    if (until(line)) break;
  }
  return taken;
}

describe('what programs print', () => {
  it('has time, stream and instance; a line without an end is one when its program has ended', async () => {
    await program.stdout.write('hello\r\n\nlast words');
    await program.stderr.write('oh\n');
    await eventually(async () => expect(await read()).toEqual(['hello', '', 'oh']));
    output.note('exited with code 1', { ended: true });
    await eventually(async () => expect((await read()).slice(3)).toEqual(['last words', 'exited with code 1']));
    const lines = await logs.read(RUN);
    expect(lines.map(({ stream }) => stream)).toEqual(['stdout', 'stdout', 'stderr', 'stdout', 'system']);
    expect(lines.every(({ at, instanceId }) => instanceId === 'i1' && Math.abs(Date.now() - Date.parse(at)) < 60_000)).toBe(true);
  });

  it('characters of several bytes are whole, whatever a line is cut by: writes, batches, its own length', async () => {
    const euro = Buffer.from('€');
    await program.stdout.write(Buffer.concat([Buffer.from('price: '), euro.subarray(0, 2)]));
    await collected();
    await program.stdout.write(Buffer.concat([euro.subarray(2), Buffer.from('\n')]));
    const long = filled(1, 100_000);
    await program.stdout.write(`${long}\n`);
    await collected();
    const lines = (await read()).filter((line) => !isMark(line));
    expect(lines[0]).toBe('price: €');
    expect(lines.slice(1).join('')).toBe(long);
    expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).toBeLessThanOrEqual(16_384);
    expect(lines.join('')).not.toContain('\ufffd');
  });

  it('what is no UTF-8 at all is cut and taken as well', async () => {
    await program.stdout.write(Buffer.alloc(50_000, 0x80));
    await program.stdout.write('\nafter\n');
    await eventually(async () => expect((await read()).at(-1)).toBe('after'));
  });

  it('is kept in files of bounded size, the newest of it, without a gap', async () => {
    const written: string[] = [];
    for (let round = 0; round < 8; round++) {
      const lines = Array.from({ length: 160 }, (_, i) => filled(round * 160 + i, 12_000));
      written.push(...lines);
      await program.stdout.write(lines.map((line) => `${line}\n`).join(''));
      await collected();
    }
    const names = (await readdir(join(dataDir, 'logs', RUN))).filter((name) => name.startsWith('lines.'));
    expect(names.sort()).toEqual([0, 1, 2, 3, 4].map((index) => `lines.${index}.ndjson`));
    for (const name of names) expect(await sizeOf(name)).toBeLessThan(3 * MIB);
    const kept = (await read()).filter((line) => !isMark(line));
    expect(kept.length).toBeGreaterThan(500);
    expect(kept.at(-1)).toMatch(/^1279 /);
    expect(kept.join('\n') === written.slice(-kept.length).join('\n')).toBe(true);
    await eventually(async () => expect(await sizeOf('i1.stdout')).toBe(0));
  }, 30_000);

  it('of a program that is too fast, the newest is kept and the file that it writes to is emptied', async () => {
    const block = Buffer.from(`${'x'.repeat(1_023)}\n`.repeat(1_024));
    for (let i = 0; i < 40; i++) await program.stdout.write(block);
    await program.stdout.write('newest\n');
    await eventually(async () => expect(await read(1)).toEqual(['newest']));
    expect((await read()).filter((line) => /^about \d+ bytes of stdout were skipped/.test(line)).length).toBeGreaterThan(0);
    expect(await sizeOf('i1.stdout')).toBeLessThan(20 * MIB);
    await program.stdout.write('and on\n');
    await eventually(async () => expect(await read(1)).toEqual(['and on']));
  }, 30_000);
});

describe('after a crash of this program', () => {
  it('the next one goes on where it was: nothing twice, nothing lost', async () => {
    await program.stdout.write('one\ntwo\nthr');
    await eventually(async () => expect(await read()).toEqual(['one', 'two']));
    await output.close();
    await program.stdout.write('ee\nfour\n');
    logs = new RunLogs(dataDir);
    output = logs.outputOf(RUN, 'i1');
    await eventually(async () => expect(await read()).toEqual(['one', 'two', 'three', 'four']));
  });
});

describe('following', () => {
  it('goes on from what was read without a gap and without a repetition, whenever it begins', async () => {
    const total = 3_000;
    const writing = (async () => {
      for (let i = 0; i < total; i += 10) {
        await program.stdout.write(Array.from({ length: 10 }, (_, k) => `line ${i + k}\n`).join(''));
        if (i % 500 === 0) await collected();
      }
    })();
    const followers: Promise<string[]>[] = [];
    for (let i = 0; i < 20; i++) {
      followers.push(take(logs.follow(RUN, { tail: 10_000 }, new AbortController().signal), (line) => line === `line ${total - 1}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await writing;
    const expected = Array.from({ length: total }, (_, i) => `line ${i}`);
    for (const lines of await Promise.all(followers)) expect(lines.filter((line) => !isMark(line))).toEqual(expected);
  }, 30_000);

  it('ends with the run, after its last line', async () => {
    const signal = new AbortController().signal;
    const lines = logs.follow(RUN, { tail: 0 }, signal)[Symbol.asyncIterator]();
    const first = lines.next();
    await logs.read(RUN); // its turn comes after the follower's
    await program.stdout.write('bye\n');
    await output.close(true);
    await logs.end(RUN);
    expect((await first).value).toMatchObject({ line: 'bye' });
    expect((await lines.next()).done).toBe(true);
    expect(await take(logs.follow(RUN, {}, signal), () => false)).toEqual(['bye']);
  });

  it('ends when the reader goes; one that is too slow is told what it missed', async () => {
    const gone = new AbortController();
    const lines = logs.follow(RUN, { tail: 0 }, gone.signal)[Symbol.asyncIterator]();
    const first = lines.next();
    await logs.read(RUN);
    await program.stdout.write('first\n');
    expect((await first).value).toMatchObject({ line: 'first' });
    await program.stdout.write('\n'.repeat(30_000));
    await collected();
    const { value } = await lines.next();
    expect(value.line).toMatch(/^20\d{3} lines were missed by this reader$/);
    gone.abort();
    let rest = 0;
    while (!(await lines.next()).done) rest += 1;
    expect(rest).toBeLessThanOrEqual(10_000);
  });
});
