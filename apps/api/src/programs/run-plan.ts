import type { InstanceStatus, Run, RunExit, RunInstance, RunStatus } from './run.js';

/** What the runtime says of one instance. */
export interface ObservedInstance {
  status: 'starting' | 'ready' | 'unready' | 'restarting' | 'failed' | 'completed' | 'stopped';
  url: string | null;
  restarts: number;
  exit: RunExit | null;
  reason: string | null;
}

/** What has to be done so that a run becomes what is wanted, and what to write down of what was seen. */
export interface RunPlan {
  /** Rows as they should be stored; new ones included. Only those that differ. */
  save: RunInstance[];
  /** Instances to start now (again, when the runtime does not know them). */
  launch: RunInstance[];
  /** Surplus instances: out of the routes first, stopped when drained. */
  retire: RunInstance[];
  status: RunStatus;
  exit: RunExit | null;
  error: string | null;
  /** The route document changes. */
  routesChange: boolean;
}

const SEEN: Record<ObservedInstance['status'], InstanceStatus> = {
  starting: 'STARTING',
  ready: 'RUNNING',
  unready: 'UNREADY',
  restarting: 'RESTARTING',
  failed: 'FAILED',
  completed: 'COMPLETED',
  stopped: 'RESTARTING',
};

/** Pure: decides the next step of an active run that this host looks after and that nobody is stopping. `newUid` names new instances. */
export function planRun(
  run: Run,
  rows: readonly RunInstance[],
  observed: ReadonlyMap<string, ObservedInstance>,
  newUid: () => string,
  now: Date,
): RunPlan {
  const staying = rows.filter(({ leaving }) => leaving === null);
  const kept = staying.slice(0, run.desiredInstances);
  const retire = staying.slice(run.desiredInstances);
  const added = newInstances(run, staying, newUid, now);
  const isService = run.program.type === 'service';

  const seen = kept.map((row) => observe(row, observed.get(row.uid), isService));
  const launch = [...added, ...seen.filter(({ row }) => !observed.has(row.uid)).map(({ row }) => row)];
  const wanted = [...seen.map(({ row }) => row), ...added];
  const end = ending(run, wanted, seen);
  const status = end?.status ?? (run.status === 'RUNNING' || wanted.some(({ status }) => status === 'RUNNING') ? 'RUNNING' : 'STARTING');

  const save = wanted.filter((row) => !kept.some((before) => sameInstance(before, row)));
  const routeRowsChanged = seen.some(
    ({ row }, index) => row.routable !== kept[index]!.routable || (row.routable && row.url !== kept[index]!.url),
  );
  return {
    save,
    launch: end ? [] : launch,
    retire: end ? [] : retire,
    status,
    exit: end?.exit ?? null,
    error: end?.error ?? null,
    routesChange:
      isService && (routeRowsChanged || (status === 'RUNNING') !== (run.status === 'RUNNING') || retire.some(({ routable }) => routable)),
  };
}

function newInstances(run: Run, staying: readonly RunInstance[], newUid: () => string, now: Date): RunInstance[] {
  const used = new Set(staying.map(({ ordinal }) => ordinal));
  const added: RunInstance[] = [];
  for (let ordinal = 0; staying.length + added.length < run.desiredInstances; ordinal++) {
    if (used.has(ordinal)) continue;
    const uid = newUid();
    added.push({
      uid,
      runId: run.runId,
      instanceId: uid,
      ordinal,
      url: null,
      status: 'STARTING',
      startedAt: now,
      restarts: 0,
      routable: false,
      ttlSeconds: null,
      expiresAt: null,
      leaving: null,
    });
  }
  return added;
}

function observe(row: RunInstance, state: ObservedInstance | undefined, isService: boolean) {
  if (!state) return { row: { ...row, status: 'STARTING' as const, routable: false }, state };
  const routable = isService && state.status === 'ready' && state.url !== null;
  return { row: { ...row, status: SEEN[state.status], url: state.url ?? row.url, restarts: state.restarts, routable }, state };
}

/** A flow ends when all its instances have; anything else fails when every instance has. */
function ending(run: Run, wanted: readonly RunInstance[], seen: readonly { state: ObservedInstance | undefined }[]) {
  const failed = seen.find(({ state }) => state?.status === 'failed')?.state;
  const count = (status: InstanceStatus) => wanted.filter((row) => row.status === status).length;
  if (wanted.length === 0) return null;
  if (failed && (run.program.type === 'flow' || count('FAILED') === wanted.length)) {
    return { status: 'FAILED' as const, exit: failed.exit, error: failed.reason ?? 'the program failed' };
  }
  if (run.program.type === 'flow' && count('COMPLETED') === wanted.length) {
    return { status: 'COMPLETED' as const, exit: seen[0]?.state?.exit ?? { code: 0, signal: null }, error: null };
  }
  return null;
}

function sameInstance(a: RunInstance, b: RunInstance): boolean {
  return a.uid === b.uid && a.status === b.status && a.url === b.url && a.restarts === b.restarts && a.routable === b.routable;
}
