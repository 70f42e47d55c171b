import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** One core for what is measured, the other for everything around it. */
export const PROXY_CPU = 0;
export const LOAD_CPU = 1;

const END_TIMEOUT_MS = 2_000;
const KEPT_OUTPUT = 20_000;

export interface Command {
  name: string;
  program: string;
  args: readonly string[];
  /** The core that it may use. */
  cpu: number;
  env?: Record<string, string>;
}

interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Everything that a benchmark starts and makes. All of it goes with {@link close}, which Ctrl-C calls too. */
export class Workbench {
  readonly #undo: (() => Promise<unknown>)[] = [];
  #closing: Promise<void> | null = null;

  private constructor(readonly folder: string) {}

  static async open(): Promise<Workbench> {
    const bench = new Workbench(await mkdtemp(join(tmpdir(), 'fabric-bench-')));
    bench.onClose(() => rm(bench.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
    return bench;
  }

  /** Steps run last in, first out. One that fails does not keep the others from running. */
  onClose(step: () => Promise<unknown>): void {
    this.#undo.push(step);
  }

  async subfolder(name: string): Promise<string> {
    const folder = join(this.folder, name);
    await mkdir(folder, { recursive: true });
    return folder;
  }

  /** Starts a server that is ended with the bench. Resolves when `ready` does; rejects when the server ends before. */
  async startServer(command: Command, ready: () => Promise<unknown>): Promise<number> {
    const { child, output } = this.#spawn(command);
    let isReady = false;
    const failed = once(child, 'close').then(([code, signal]) => {
      if (isReady) return;
      throw new Error(`${command.name} ended with ${code ?? signal} before it was ready:\n${output.stdout}${output.stderr}`);
    });
    failed.catch(() => undefined);
    await Promise.race([ready(), failed]);
    isReady = true;
    return child.pid!;
  }

  /** Runs a command to its end. Rejects unless it ends with 0. */
  async run(command: Command): Promise<Finished> {
    const { child, output } = this.#spawn(command);
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`${command.name} ended with ${code}:\n${output.stdout}${output.stderr}`);
    return { code, ...output };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (let step = this.#undo.pop(); step !== undefined; step = this.#undo.pop()) await step().catch(() => undefined);
  }

  #spawn({ name, program, args, cpu, env = {} }: Command): { child: ChildProcess; output: { stdout: string; stderr: string } } {
    if (this.#closing !== null) throw new Error(`${name} is not started: the benchmark is being ended`);
    const [first = '', ...rest] = [...pinnedTo(cpu), program, ...args];
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(first, rest, { cwd: this.folder, env: { PATH, HOME, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]?.setEncoding('utf8').on('data', (text: string) => {
        output[stream] = (output[stream] + text).slice(-KEPT_OUTPUT);
      });
    }
    this.onClose(() => end(child));
    return { child, output };
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT_MS);
  await ended;
  clearTimeout(late);
}

/** Can what is measured have a core to itself? */
export function canPin(): boolean {
  return availableParallelism() >= 2 && findProgram('taskset') !== null;
}

/** The words in front of a command that keep it on one core; none where that is not possible. */
export function pinnedTo(cpu: number): string[] {
  return canPin() ? ['taskset', '-c', String(cpu)] : [];
}

/** Where a program is; servers of a distribution are often outside a user's PATH. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  const folder = folders.find((one) => one !== '' && existsSync(join(one, name)));
  return folder === undefined ? null : join(folder, name);
}
