export const PROGRAM_TYPES = ['service', 'worker', 'flow'] as const;
export type ProgramType = (typeof PROGRAM_TYPES)[number];

/** How program types are written in paths: `…/services/cart/start`. */
export const PROGRAM_PATHS = { services: 'service', workers: 'worker', flows: 'flow' } as const satisfies Record<string, ProgramType>;

export const RUN_STATUSES = ['PENDING', 'STARTING', 'RUNNING', 'STOPPING', 'STOPPED', 'COMPLETED', 'FAILED', 'KILLED'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

const ACTIVE: ReadonlySet<RunStatus> = new Set(['PENDING', 'STARTING', 'RUNNING', 'STOPPING']);
const SETTLED: ReadonlySet<RunStatus> = new Set(['RUNNING', 'STOPPED', 'COMPLETED', 'FAILED', 'KILLED']);

/** Something of the run is, or may be, alive. */
export function isActive(status: RunStatus): boolean {
  return ACTIVE.has(status);
}

/** The run is where the last order wanted it to be, or has failed to get there. */
export function isSettled(status: RunStatus): boolean {
  return SETTLED.has(status);
}

export type InstanceStatus = 'STARTING' | 'RUNNING' | 'UNREADY' | 'RESTARTING' | 'STOPPING' | 'COMPLETED' | 'FAILED';

export interface ProgramRef {
  namespace: string;
  app: string;
  version: number;
  type: ProgramType;
  name: string;
}

export interface Run {
  runId: string;
  program: ProgramRef;
  artifact: { name: string; version: string };
  /** The host whose control plane runs the processes; null: the instances run elsewhere and are registered by URL. */
  hostId: string | null;
  status: RunStatus;
  desiredInstances: number;
  revision: number;
  createdAt: Date;
  startedAt: Date | null;
  stoppingAt: Date | null;
  stoppedAt: Date | null;
  drainSeconds: number;
  /** The newest route revision that this run caused. */
  routeRevision: number | null;
  exit: RunExit | null;
  error: string | null;
}

export interface RunExit {
  code: number | null;
  signal: string | null;
}

export interface RunInstance {
  /** What proxies call it; unique everywhere. */
  uid: string;
  runId: string;
  /** What the API calls it; unique in the run. */
  instanceId: string;
  ordinal: number;
  url: string | null;
  status: InstanceStatus;
  startedAt: Date;
  restarts: number;
  /** In the route document. */
  routable: boolean;
  ttlSeconds: number | null;
  expiresAt: Date | null;
  /** Set once it was taken out of the routes, to be stopped when it is drained. */
  leaving: { routeRevision: number; at: Date } | null;
}
