import type { Readable } from 'node:stream';

/** Starts, watches and stops programs on this host. Nothing here knows of databases, routing or HTTP APIs. */
export interface ProgramRuntime {
  /**
   * Takes over what an earlier control plane left: programs that still run keep running (and stay `ready` when they were), services and
   * workers that have died meanwhile are started again. Throws RuntimeError `runtime_in_use` when another control plane has the folder.
   */
  open(): Promise<InstanceState[]>;
  /**
   * Accepts an instance and returns; what becomes of it comes as events. Throws RuntimeError only for what the caller did wrong:
   * `instance_exists`, `instance_stopped` (an id is never used again), `invalid_id`, `runtime_closed`.
   */
  launch(spec: InstanceSpec): Promise<void>;
  /**
   * Works in every phase, also on what is already `failed` or `completed`. SIGTERM to the whole process group, SIGKILL after `graceMs`;
   * resolves when every process is gone and the instance is forgotten. `killed`: SIGKILL was needed. Throws RuntimeError `stop_failed`
   * when a process outlives even that; call again. An unknown instance is taken for stopped.
   */
  stop(instanceId: string, options: { graceMs: number }): Promise<{ killed: boolean }>;
  /** Everything launched and not yet stopped, `failed` and `completed` included. */
  instances(): InstanceState[];
  /** Events of one instance come in order. A listener must not throw. Returns the unsubscribe. */
  onEvent(listener: (event: InstanceEvent) => void): () => void;
  /** Without `stopPrograms` they keep running, for the next `open()`. */
  close(options: { stopPrograms: boolean }): Promise<void>;
}

/** What to run. Ids are unique everywhere and match `^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`: they become file names. */
export interface InstanceSpec {
  instanceId: string;
  runId: string;
  namespace: string;
  app: string;
  version: number;
  artifactVersion: string;
  program: { name: string; type: 'service' | 'worker' | 'flow' };
  /** Program and arguments, verbatim, without a shell; a relative path with a slash starts at the run's folder. */
  command: string[];
  /** The artifact's own variables; `PORT` and `FABRIC_*` in it are ignored. */
  env: Record<string, string>;
  /** Those of the place where it runs, beneath the artifact's. What is secret is taken out of its output. */
  variables?: Readonly<Record<string, { value: string; secret: boolean }>>;
  /** Becomes `FABRIC_CONFIG`, as JSON. */
  config: unknown;
  /** A service is ready when this path answers 2xx; absent: when its port accepts. */
  healthPath?: string;
  /** A gzip'd tar, unpacked once per run; absent: the run has an empty folder. */
  openBundle?: () => Promise<Readable>;
}

/**
 * `starting`: unpacking, or running and not yet ready. `unready`: was ready, and its health checks fail now. `restarting`: has crashed, and
 * waits for its next start. `stopped`: is being stopped.
 */
type InstanceStatus = 'starting' | 'ready' | 'unready' | 'restarting' | 'failed' | 'completed' | 'stopped';

export interface InstanceState {
  instanceId: string;
  runId: string;
  status: InstanceStatus;
  pid: number | null;
  /** Base URL, of a service only; kept over restarts as long as the port is free. */
  url: string | null;
  /** Since launch. */
  restarts: number;
  /** Of the process that ended last; both null when nobody saw how it ended. */
  exit: ProgramExit | null;
  /** Why it is `failed`, `unready` or `restarting`, for a human. */
  reason: string | null;
}

export interface ProgramExit {
  code: number | null;
  signal: string | null;
}

export type InstanceEvent = { instanceId: string; runId: string; at: Date } & (
  | { type: 'starting'; pid: number; url: string | null; restarts: number }
  | { type: 'ready'; url: string | null; restarts: number }
  | { type: 'unready'; restarts: number; reason: string }
  | { type: 'exited'; exitCode: number | null; signal: string | null; willRestartInMs: number | null }
  | { type: 'failed'; reason: string }
  | { type: 'completed'; exitCode: number }
  | { type: 'stopped' }
);

/** What the programs of a run have written, and what happened to them (`system`). */
export interface LogReader {
  /** The last `tail` lines (default 1000, at most 10000), oldest first, of those at or after `since`. A run without logs: none. */
  read(runId: string, options?: { tail?: number; since?: Date }): Promise<LogLine[]>;
  /** What `read` gives and then every new line, until the run has ended or `signal` fires. A reader too slow is told what it missed. */
  follow(runId: string, options: { tail?: number; since?: Date }, signal: AbortSignal): AsyncIterable<LogLine>;
}

export interface LogLine {
  /** ISO 8601; when the line was collected, at most about half a second after it was written. */
  at: string;
  stream: 'stdout' | 'stderr' | 'system';
  instanceId: string;
  /** Without its line end; at most 16 KiB of UTF-8, longer ones are cut into several. */
  line: string;
}
