import { spawn } from 'node:child_process';
import { type BackOff, restartDelayMs } from './back-off.js';
import type { Clock } from './clock.js';
import { describeExit, exitOf, keptCommand, wasNotFound } from './flow-keeper.js';
import type { InstanceFiles, InstanceRecord } from './instance-files.js';
import type { InstanceOutput } from './logs/instance-output.js';
import type { Ports } from './ports.js';
import { probe } from './probe.js';
import { findByInstance, groupEnds, identify, isAlive, signalGroup } from './process-group.js';
import { programEnvironment } from './program-environment.js';
import type { InstanceEvent, InstanceState, ProgramExit } from './program-runtime.js';
import { messageOf, RuntimeError } from './runtime-error.js';

const READY_DEADLINE_MS = 60_000;
const FIRST_PROBE_MS = 20;
const LONGEST_PROBE_MS = 500;
const PROBE_TIMEOUT_MS = 2_000;
const HEALTH_INTERVAL_MS = 5_000;
/** Failed health checks in a row until an instance counts as unready. */
const HEALTH_FAILURES = 3;
const ALIVE_POLL_MS = 200;
/** After SIGKILL; a process in the kernel's uninterruptible sleep can outlive it for a while. */
const KILL_DEADLINE_MS = 10_000;

export interface InstanceTools {
  clock: Clock;
  ports: Ports;
  files: InstanceFiles;
  backOff: BackOff;
  random: () => number;
  /** The run's folder, unpacked. Rejects when it cannot be had. */
  folder(): Promise<string>;
  output: InstanceOutput;
  emit(event: InstanceEvent): void;
}

/** `type` and what belongs to it, without what every event has. */
type EventBody = InstanceEvent extends infer E ? (E extends InstanceEvent ? Omit<E, 'instanceId' | 'runId' | 'at'> : never) : never;

/** One instance: starts its process, watches it, starts it again, stops it. Everything that must survive this process is in its file. */
export class ProcessInstance {
  readonly state: InstanceState;
  /** Settles when the instance has come to an end: failed, completed or stopped. */
  private supervision: Promise<void> = Promise.resolve();
  private readonly end = new AbortController();
  private detached = false;

  constructor(
    private readonly record: InstanceRecord,
    private readonly tools: InstanceTools,
  ) {
    const { instanceId, runId } = record.spec;
    this.state = { instanceId, runId, status: 'starting', pid: null, url: null, restarts: record.restarts, exit: null, reason: null };
  }

  start(): void {
    this.supervision = this.supervise(() => this.startAndWatch());
  }

  /** Goes on with what an earlier control plane started. */
  async adopt(): Promise<void> {
    const { record } = this;
    if (record.outcome) {
      Object.assign(this.state, record.outcome);
      return;
    }
    record.process ??= findByInstance(record.spec.instanceId);
    const alive = record.process !== null && isAlive(record.process);
    if (alive && record.port !== null) {
      this.tools.ports.hold(record.port);
      this.state.url = this.url();
      this.state.pid = record.process!.pid;
      if (record.wasReady) this.state.status = 'ready';
    }
    if (record.process && !alive) signalGroup(record.process.pid, 'SIGKILL'); // what its death left behind
    const ended = await this.endMeanwhile(alive);
    this.supervision = this.supervise(() => (ended ? Promise.resolve(ended) : alive ? this.watch() : this.startAndWatch()));
  }

  /** How a flow has ended while no control plane was there, known or not: it is not begun twice. Others are just started again. */
  private async endMeanwhile(alive: boolean): Promise<ProgramExit | null> {
    if (alive || !this.isFlow) return null;
    const seen = await this.tools.files.readExit(this.record.spec.instanceId);
    return seen ?? (this.record.process === null ? null : NOBODY_SAW);
  }

  /** True when it had to be killed. */
  async stop(graceMs: number): Promise<boolean> {
    this.end.abort();
    const wasFinal = this.state.status === 'failed' || this.state.status === 'completed';
    const killed = await this.endGroup(graceMs);
    await this.supervision;
    const late = await this.endGroup(0); // a process that was being started meanwhile
    await this.tools.output.close(true);
    if (this.record.port !== null) this.tools.ports.release(this.record.port);
    await this.tools.files.remove(this.record.spec.instanceId);
    if (!wasFinal) this.become('stopped', { type: 'stopped' });
    return killed || late;
  }

  /** Leaves the program alone; the next control plane takes it over. */
  async detach(): Promise<void> {
    this.detached = true;
    this.end.abort();
    await this.supervision;
    await this.tools.output.close();
  }

  private get ended(): boolean {
    return this.end.signal.aborted;
  }

  private get isFlow(): boolean {
    return this.record.spec.program.type === 'flow';
  }

  private async supervise(begin: () => Promise<ProgramExit>): Promise<void> {
    try {
      for (let next = begin; !this.ended; next = () => this.startAndWatch()) {
        const exit = await next();
        if (this.ended || !(await this.afterExit(exit))) return;
      }
    } catch (error) {
      if (!this.ended) await this.fail(messageOf(error));
    }
  }

  private async startAndWatch(): Promise<ProgramExit> {
    const { record, tools } = this;
    const folder = await tools.folder();
    if (this.ended) return NOBODY_SAW;
    if (record.port !== null) tools.ports.release(record.port);
    const port = await tools.ports.take(record.port);
    Object.assign(record, { port, process: null, wasReady: false });
    await tools.files.write(record); // before the start: whoever finds this looks for the process by its environment
    if (this.ended) return NOBODY_SAW;

    const { stdout, stderr } = await tools.output.openForProgram();
    const { command, instanceId } = record.spec;
    const [program, ...args] = this.isFlow ? keptCommand(command, tools.files.exitFile(instanceId)) : command;
    const child = spawn(program!, args, {
      cwd: folder,
      env: programEnvironment(record.spec, { port, folder }, process.env),
      detached: true,
      stdio: ['ignore', stdout.fd, stderr.fd],
    });
    const exited = new Promise<ProgramExit>((resolve, reject) => {
      child.once('error', (error) => reject(notStarted(command, messageOf(error))));
      child.once('exit', (code, signal) => resolve(this.isFlow && code !== null ? exitOf(code) : { code, signal }));
    });
    exited.catch(() => undefined);
    await Promise.all([stdout.close(), stderr.close()]);
    if (child.pid === undefined) {
      await exited;
      return NOBODY_SAW;
    }
    child.unref();
    record.process = identify(child.pid) ?? { pid: child.pid, startedAt: 'ended' };
    this.state.pid = child.pid;
    this.state.url = this.url();
    await tools.files.write(record);
    tools.output.note(`started, pid ${child.pid}${this.state.url ? `, port ${port}` : ''}`);
    this.become('starting', { type: 'starting', pid: child.pid, url: this.state.url, restarts: record.restarts });
    return this.watch(this.isFlow ? exited.then((exit) => this.requireFound(exit)) : exited);
  }

  private async requireFound(exit: ProgramExit): Promise<ProgramExit> {
    const { command, instanceId } = this.record.spec;
    if (wasNotFound(exit, await this.tools.files.readExit(instanceId))) throw notStarted(command, 'there is no such command');
    return exit;
  }

  /** Until the process has ended. `exited` is there when it is our child; else it is looked for. */
  private async watch(exited?: Promise<ProgramExit>): Promise<ProgramExit> {
    const startedMs = this.tools.clock.now();
    const ended = new AbortController();
    const onEnd = () => ended.abort();
    this.end.signal.addEventListener('abort', onEnd, { once: true });
    const health = this.watchHealth(ended.signal);
    try {
      const exit = await Promise.race([
        exited ?? this.lookUntilGone(ended.signal),
        aborted(this.end.signal),
        health.then(() => new Promise<never>(() => undefined)),
      ]);
      if (this.tools.clock.now() - startedMs >= this.tools.backOff.stableMs) this.record.crashes = 0;
      return exit;
    } finally {
      ended.abort();
      this.end.signal.removeEventListener('abort', onEnd);
      await health.catch(() => undefined);
    }
  }

  private async lookUntilGone(signal: AbortSignal): Promise<ProgramExit> {
    while (!signal.aborted && this.record.process && isAlive(this.record.process)) await this.tools.clock.sleep(ALIVE_POLL_MS, signal);
    return (await this.tools.files.readExit(this.record.spec.instanceId)) ?? NOBODY_SAW;
  }

  /** Ready, unready and ready again. A service that does not become ready in time is killed, and so counts as crashed. */
  private async watchHealth(signal: AbortSignal): Promise<void> {
    const { spec } = this.record;
    if (spec.program.type !== 'service') {
      await this.becomeReady();
      return;
    }
    const { clock } = this.tools;
    const deadline = clock.now() + READY_DEADLINE_MS;
    for (let pauseMs = FIRST_PROBE_MS; this.state.status !== 'ready'; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PROBE_MS)) {
      const trouble = await probe(this.record.port!, spec.healthPath, PROBE_TIMEOUT_MS, signal);
      if (signal.aborted) return;
      if (trouble === null) await this.becomeReady();
      else if (clock.now() > deadline) {
        this.tools.output.note(`not ready within ${READY_DEADLINE_MS / 1000} s: ${trouble}`);
        signalGroup(this.record.process!.pid, 'SIGKILL');
        return;
      } else await clock.sleep(pauseMs, signal);
    }
    for (let failures = 0; !signal.aborted; ) {
      await clock.sleep(HEALTH_INTERVAL_MS, signal);
      if (signal.aborted) return;
      const trouble = await probe(this.record.port!, spec.healthPath, PROBE_TIMEOUT_MS, signal);
      if (signal.aborted) return;
      failures = trouble === null ? 0 : failures + 1;
      if (trouble === null && (this.state as InstanceState).status === 'unready') await this.becomeReady();
      if (trouble !== null && failures === HEALTH_FAILURES) {
        this.state.reason = trouble;
        this.become('unready', { type: 'unready', restarts: this.record.restarts, reason: trouble });
      }
    }
  }

  private async becomeReady(): Promise<void> {
    if (this.state.status === 'ready') return;
    this.state.reason = null;
    this.become('ready', { type: 'ready', url: this.state.url, restarts: this.record.restarts });
    if (this.record.wasReady) return;
    this.record.wasReady = true;
    await this.tools.files.write(this.record);
  }

  /** False when that was the end. */
  private async afterExit(exit: ProgramExit): Promise<boolean> {
    const { record, tools } = this;
    if (record.process) signalGroup(record.process.pid, 'SIGKILL'); // its children do not stay without it
    Object.assign(this.state, { pid: null, exit });
    record.process = null;
    const how = describeExit(exit);
    tools.output.note(how, { ended: true });
    if (this.isFlow) {
      if (exit.code !== 0) return this.fail(how);
      record.outcome = { status: 'completed', exit, reason: null };
      await tools.files.write(record);
      this.become('completed', { type: 'completed', exitCode: 0 });
      return false;
    }
    record.crashes++;
    const waitMs = restartDelayMs(record.crashes, tools.backOff, tools.random());
    if (waitMs === null) return this.fail(`${how}; ${record.crashes} times in a row`);
    record.restarts++;
    record.wasReady = false;
    Object.assign(this.state, { restarts: record.restarts, reason: how });
    await tools.files.write(record);
    this.become('restarting', { type: 'exited', exitCode: exit.code, signal: exit.signal, willRestartInMs: waitMs });
    await tools.clock.sleep(waitMs, this.end.signal);
    return true;
  }

  /** SIGTERM, SIGKILL after the grace, until no process of the group is left. */
  private async endGroup(graceMs: number): Promise<boolean> {
    const pid = this.record.process?.pid;
    if (pid === undefined || this.detached || !signalGroup(pid, 'SIGTERM')) return false;
    if (await groupEnds(pid, graceMs)) return false;
    this.tools.output.note('still there after the grace: killed');
    signalGroup(pid, 'SIGKILL');
    if (await groupEnds(pid, KILL_DEADLINE_MS)) return true;
    throw new RuntimeError('stop_failed', `process group ${pid} outlived SIGKILL`);
  }

  private url(): string | null {
    return this.record.spec.program.type === 'service' && this.record.port !== null ? `http://127.0.0.1:${this.record.port}` : null;
  }

  private async fail(reason: string): Promise<false> {
    this.state.reason = reason;
    this.record.outcome = { status: 'failed', exit: this.state.exit, reason };
    await this.tools.files.write(this.record).catch(() => undefined); // a full disk may be why it failed
    this.tools.output.note(`failed: ${reason}`);
    this.become('failed', { type: 'failed', reason });
    return false;
  }

  private become(status: InstanceState['status'], body: EventBody): void {
    this.state.status = status;
    this.tools.emit({ instanceId: this.state.instanceId, runId: this.state.runId, at: new Date(), ...body } as InstanceEvent);
  }
}

const NOBODY_SAW: ProgramExit = { code: null, signal: null };

function notStarted([command]: readonly string[], why: string): RuntimeError {
  return new RuntimeError('program_not_started', `${command} cannot be started: ${why}`);
}

function aborted(signal: AbortSignal): Promise<ProgramExit> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(NOBODY_SAW);
    signal.addEventListener('abort', () => resolve(NOBODY_SAW), { once: true });
  });
}
