import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type BackOff, DEFAULT_BACK_OFF } from './back-off.js';
import { type Clock, systemClock } from './clock.js';
import { InstanceFiles, type InstanceRecord } from './instance-files.js';
import type { RunLogs } from './logs/run-logs.js';
import { Ports } from './ports.js';
import { findByInstance } from './process-group.js';
import { ProcessInstance } from './process-instance.js';
import type { InstanceEvent, InstanceSpec, InstanceState, LogLine, ProgramRuntime } from './program-runtime.js';
import { messageOf, RuntimeError } from './runtime-error.js';
import { takeRuntimeLock } from './runtime-lock.js';

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const SHUTDOWN_GRACE_MS = 10_000;

/** Whose a line is. */
export type OutputOrigin = Omit<InstanceSpec, 'openBundle'>;

export interface ProcessRuntimeOptions {
  dataDir: string;
  logs: RunLogs;
  /** Unpacks a bundle into a folder that does not exist yet; all or nothing. */
  unpackBundle: (source: Readable, folder: string) => Promise<void>;
  /** Hears every line that a program prints, secrets covered. Must not throw. */
  onOutput?: (origin: OutputOrigin, lines: readonly LogLine[]) => void;
  backOff?: BackOff;
  clock?: Clock;
  random?: () => number;
}

/** Programs as process groups of this host. They outlive this process, and the next one on the same data folder takes them over. */
export class ProcessRuntime implements ProgramRuntime {
  private readonly all = new Map<string, ProcessInstance>();
  private readonly stopping = new Map<string, Promise<{ killed: boolean }>>();
  private readonly listeners = new Set<(event: InstanceEvent) => void>();
  private readonly folders = new Map<string, Promise<string>>();
  private readonly files: InstanceFiles;
  private readonly ports: Ports;
  private unlock: (() => Promise<void>) | null = null;
  private closed = false;

  constructor(private readonly options: ProcessRuntimeOptions) {
    this.files = new InstanceFiles(options.dataDir);
    this.ports = new Ports(options.random ?? Math.random);
  }

  async open(): Promise<InstanceState[]> {
    this.unlock = await takeRuntimeLock(this.options.dataDir);
    for (const record of await this.files.open()) {
      if (await this.canGoOn(record)) await this.add(record, undefined).adopt();
      else await this.files.remove(record.spec.instanceId); // it never came to run: whoever wants it launches it again
    }
    return this.instances();
  }

  async launch({ openBundle, ...spec }: InstanceSpec): Promise<void> {
    if (this.closed || !this.unlock) throw new RuntimeError('runtime_closed', 'the runtime is not open');
    if (!ID.test(spec.instanceId) || !ID.test(spec.runId)) throw new RuntimeError('invalid_id', 'instance and run ids become file names');
    if (this.all.has(spec.instanceId)) throw new RuntimeError('instance_exists', `instance ${spec.instanceId} is there already`);
    const record: InstanceRecord = { spec, process: null, port: null, wasReady: false, restarts: 0, crashes: 0, outcome: null };
    const instance = this.add(record, openBundle);
    try {
      await this.files.write(record);
    } catch (error) {
      this.all.delete(spec.instanceId);
      throw new RuntimeError('state_not_written', `the instance cannot be noted down: ${messageOf(error)}`, {
        cause: error,
        transient: true,
      });
    }
    instance.start();
  }

  stop(instanceId: string, { graceMs }: { graceMs: number }): Promise<{ killed: boolean }> {
    const instance = this.all.get(instanceId);
    const running = this.stopping.get(instanceId);
    if (running) return running;
    if (!instance) return Promise.resolve({ killed: false });
    const stop = this.end(instanceId, instance, graceMs).finally(() => this.stopping.delete(instanceId));
    this.stopping.set(instanceId, stop);
    return stop;
  }

  instances(): InstanceState[] {
    return [...this.all.values()].map(({ state }) => ({ ...state }));
  }

  onEvent(listener: (event: InstanceEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async close({ stopPrograms }: { stopPrograms: boolean }): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (stopPrograms) await Promise.all([...this.all.values()].map((instance) => instance.stop(SHUTDOWN_GRACE_MS)));
    else await Promise.all([...this.all.values()].map((instance) => instance.detach()));
    await this.unlock?.();
  }

  private async canGoOn(record: InstanceRecord): Promise<boolean> {
    if (record.process !== null || findByInstance(record.spec.instanceId) !== null) return true;
    return stat(join(this.folderPath(record.spec.runId), 'work')).then(
      () => true,
      () => false,
    );
  }

  private add(record: InstanceRecord, openBundle: InstanceSpec['openBundle']): ProcessInstance {
    const { instanceId, runId } = record.spec;
    const instance = new ProcessInstance(record, {
      clock: this.options.clock ?? systemClock,
      random: this.options.random ?? Math.random,
      backOff: this.options.backOff ?? DEFAULT_BACK_OFF,
      ports: this.ports,
      files: this.files,
      folder: () => this.folder(runId, openBundle),
      output: this.options.logs.outputOf(runId, instanceId, secretsOf(record.spec), (lines) => this.options.onOutput?.(record.spec, lines)),
      emit: (event) => {
        for (const listener of this.listeners) listener(event);
      },
    });
    this.all.set(instanceId, instance);
    return instance;
  }

  private async end(instanceId: string, instance: ProcessInstance, graceMs: number): Promise<{ killed: boolean }> {
    const killed = await instance.stop(graceMs);
    this.all.delete(instanceId);
    const { runId } = instance.state;
    if (![...this.all.values()].some(({ state }) => state.runId === runId)) {
      this.folders.delete(runId);
      await this.options.logs.end(runId);
      await rm(this.folderPath(runId), { recursive: true, force: true });
    }
    return { killed };
  }

  /** One folder for all instances of a run; made once. A failure is forgotten, so that the next start tries again. */
  private folder(runId: string, openBundle: InstanceSpec['openBundle']): Promise<string> {
    const known = this.folders.get(runId);
    if (known) return known;
    const made = this.makeFolder(runId, openBundle);
    this.folders.set(runId, made);
    made.catch(() => this.folders.delete(runId));
    return made;
  }

  private async makeFolder(runId: string, openBundle: InstanceSpec['openBundle']): Promise<string> {
    const folder = this.folderPath(runId);
    const work = join(folder, 'work');
    await mkdir(folder, { recursive: true, mode: 0o755 });
    if (openBundle === undefined) {
      await mkdir(work, { recursive: true }); // adopted, or without a bundle: it is there, or empty
      return work;
    }
    const fresh = join(folder, 'work.new'); // renamed when complete: a folder called `work` is never half unpacked
    await rm(fresh, { recursive: true, force: true });
    await rm(work, { recursive: true, force: true });
    try {
      await this.options.unpackBundle(await openBundle(), fresh);
      await rename(fresh, work);
    } catch (error) {
      throw new RuntimeError('bundle_unusable', `the bundle cannot be unpacked: ${messageOf(error)}`, { cause: error });
    }
    return work;
  }

  private folderPath(runId: string): string {
    return join(this.options.dataDir, 'runs', runId);
  }
}

function secretsOf({ variables = {} }: InstanceRecord['spec']): string[] {
  return Object.values(variables)
    .filter(({ secret }) => secret)
    .map(({ value }) => value);
}
