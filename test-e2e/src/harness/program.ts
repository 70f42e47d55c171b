import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Only so that nothing waits for ever: a busy machine takes long for a first start. */
const START_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 60_000;
const KEPT_LOG_BYTES = 20_000;

/** The checkout's root, seen from src/harness as from dist/harness. */
const root = fileURLToPath(new URL('../../../', import.meta.url));

export interface ReadyLine {
  event: 'ready';
  api?: string;
  proxy?: string;
  proxyAdmin?: string;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** One of the product's programs as a user starts it: `node apps/…/dist/main.js` with nothing but its own settings. */
export class Program {
  private log = '';

  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
    readonly exited: Promise<Exit>,
  ) {}

  /** Resolves when the program has printed its ready line. */
  static async start(name: string, file: string, settings: Record<string, string>): Promise<Program & { ready: ReadyLine }> {
    const program = Program.spawn(name, file, settings);
    const ready = await program.readyLine();
    return Object.assign(program, { ready });
  }

  /** The same by its npm script: the process is npm, with the program below it. End what may be left of both with `killGroup`. */
  static async startByNpm(script: string, settings: Record<string, string>): Promise<Program & { ready: ReadyLine }> {
    const program = Program.spawnCommand(`npm run ${script}`, 'npm', ['run', script], settings, true);
    const ready = await program.readyLine();
    return Object.assign(program, { ready });
  }

  /** `wrapper`: a command and its arguments that become the program, as `taskset` does. */
  static spawn(name: string, file: string, settings: Record<string, string>, wrapper: readonly string[] = []): Program {
    const [command = '', ...args] = [...wrapper, process.execPath, `${root}${file}`];
    return Program.spawnCommand(name, command, args, settings);
  }

  private static spawnCommand(name: string, command: string, args: string[], settings: Record<string, string>, ownGroup = false): Program {
    const { PATH = '', HOME = '', TMPDIR } = process.env;
    const child = spawn(command, args, {
      cwd: root,
      env: { PATH, HOME, ...(TMPDIR ? { TMPDIR } : {}), ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: ownGroup,
    });
    const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }) as Exit);
    const program = new Program(name, child, exited);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      program.log = (program.log + text).slice(-KEPT_LOG_BYTES);
    });
    return program;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** The end of what it wrote to standard error. */
  get logTail(): string {
    return this.log;
  }

  /** Ends it by SIGTERM and gives how it ended; by SIGKILL when that takes too long. */
  async stop(): Promise<Exit> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.exited;
    this.child.kill('SIGTERM');
    const late = setTimeout(() => this.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const exit = await this.exited;
    clearTimeout(late);
    return exit;
  }

  /** Of one started by npm: nothing of it is left after this. */
  killGroup(): void {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // All of it has ended.
    }
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  /** Once. Rejects when the program ends before, or takes too long. */
  async readyLine(): Promise<ReadyLine> {
    const late = setTimeout(() => this.child.kill('SIGKILL'), START_TIMEOUT_MS);
    try {
      for await (const line of createInterface(this.child.stdout!)) {
        const said = parseJson(line);
        if (said?.event !== 'ready') continue;
        // Nobody reads on, and a full pipe must not stop the program.
        this.child.stdout?.resume();
        return said as ReadyLine;
      }
    } finally {
      clearTimeout(late);
    }
    const { code, signal } = await this.exited;
    throw new Error(`${this.name} ended with ${code ?? signal} before it was ready:\n${this.log}`);
  }
}

function parseJson(line: string): { event?: unknown } | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
