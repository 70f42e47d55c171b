import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import type { InstanceStatus, ProgramRef, ProgramType, Run, RunExit, RunInstance, RunStatus } from './run.js';

interface RunRow {
  run_id: string;
  namespace: string;
  app: string;
  version: number;
  program_type: ProgramType;
  program_name: string;
  artifact_name: string;
  artifact_version: string;
  host_id: string | null;
  status: RunStatus;
  desired_instances: number;
  revision: number;
  created_at: Date;
  started_at: Date | null;
  stopping_at: Date | null;
  stopped_at: Date | null;
  drain_seconds: number;
  route_revision: string | null;
  exit: RunExit | null;
  error: string | null;
}

interface InstanceRow {
  instance_uid: string;
  run_id: string;
  instance_id: string;
  ordinal: number;
  url: string | null;
  status: InstanceStatus;
  started_at: Date;
  restarts: number;
  routable: boolean;
  ttl_seconds: number | null;
  expires_at: Date | null;
  leaving_route_revision: string | null;
  leaving_at: Date | null;
}

export interface NewRun {
  runId: string;
  program: ProgramRef;
  hostId: string | null;
  status: RunStatus;
  desiredInstances: number;
}

/** The columns of a run that change after it was made. Undefined leaves a column as it is. */
export interface RunPatch {
  status?: RunStatus;
  desiredInstances?: number;
  startedAt?: Date;
  stoppingAt?: Date;
  stoppedAt?: Date;
  drainSeconds?: number;
  routeRevision?: number;
  exit?: RunExit;
  error?: string;
}

/** Channel on which the replicas tell each other that somebody wants something of a run. */
export const RUNS_CHANNEL = 'fabric_runs';

const ACTIVE = `('PENDING', 'STARTING', 'RUNNING', 'STOPPING')`;
const SELECT = `SELECT r.*, v.artifact_name, v.artifact_version FROM runs r
  JOIN app_versions v ON v.namespace = r.namespace AND v.app = r.app AND v.version = r.version`;
const PROGRAM = 'r.namespace = $1 AND r.app = $2 AND r.version = $3 AND r.program_type = $4 AND r.program_name = $5';

@Injectable()
export class RunsRepository {
  /** Makes a run; false when the program has an active one. */
  async insert(tx: Transaction, run: NewRun): Promise<boolean> {
    const rows = await query(
      tx,
      `INSERT INTO runs (namespace, app, version, program_type, program_name, run_id, host_id, status, desired_instances)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
       ON CONFLICT (namespace, app, version, program_type, program_name) WHERE status IN ${ACTIVE} DO NOTHING RETURNING run_id`,
      [...programValues(run.program), run.runId, run.hostId, run.status, run.desiredInstances],
    );
    return rows.length > 0;
  }

  async find(tx: Transaction, runId: string, lock = false): Promise<Run | null> {
    const [row] = await query<RunRow>(tx, `${SELECT} WHERE r.run_id = $1${lock ? ' FOR UPDATE OF r' : ''}`, [runId]);
    return row ? toRun(row) : null;
  }

  async active(tx: Transaction, program: ProgramRef): Promise<Run | null> {
    const [row] = await query<RunRow>(tx, `${SELECT} WHERE ${PROGRAM} AND r.status IN ${ACTIVE}`, programValues(program));
    return row ? toRun(row) : null;
  }

  async latest(tx: Transaction, program: ProgramRef): Promise<Run | null> {
    const [row] = await query<RunRow>(
      tx,
      `${SELECT} WHERE ${PROGRAM} ORDER BY r.created_at DESC, r.run_id LIMIT 1`,
      programValues(program),
    );
    return row ? toRun(row) : null;
  }

  /** Newest first. `before` is the last run of the page before. */
  async list(tx: Transaction, program: ProgramRef, limit: number, before: { createdAt: string; runId: string } | null): Promise<Run[]> {
    const rows = await query<RunRow>(
      tx,
      `${SELECT} WHERE ${PROGRAM}
         AND ($6::timestamptz IS NULL OR (date_trunc('milliseconds', r.created_at), r.run_id) < ($6::timestamptz, $7::uuid))
       ORDER BY date_trunc('milliseconds', r.created_at) DESC, r.run_id DESC LIMIT $8`,
      [...programValues(program), before?.createdAt ?? null, before?.runId ?? null, limit],
    );
    return rows.map(toRun);
  }

  /** The active runs of one app version. */
  async activeOfVersion(tx: Transaction, namespace: string, app: string, version: number): Promise<Run[]> {
    const rows = await query<RunRow>(
      tx,
      `${SELECT} WHERE r.namespace = $1 AND r.app = $2 AND r.version = $3 AND r.status IN ${ACTIVE} ORDER BY r.program_type, r.program_name`,
      [namespace, app, version],
    );
    return rows.map(toRun);
  }

  /** Has any program of the version ever come to run here? */
  async hasRun(tx: Transaction, namespace: string, app: string, version: number): Promise<boolean> {
    const rows = await query(
      tx,
      'SELECT 1 FROM runs WHERE namespace = $1 AND app = $2 AND version = $3 AND started_at IS NOT NULL LIMIT 1',
      [namespace, app, version],
    );
    return rows.length > 0;
  }

  /** Runs of all programs of one app version, the newest first. */
  async listOfVersion(tx: Transaction, namespace: string, app: string, version: number, limit: number): Promise<Run[]> {
    const rows = await query<RunRow>(
      tx,
      `${SELECT} WHERE r.namespace = $1 AND r.app = $2 AND r.version = $3 ORDER BY r.created_at DESC, r.run_id DESC LIMIT $4`,
      [namespace, app, version, limit],
    );
    return rows.map(toRun);
  }

  /** One start at a time for this app: two versions of a worker cannot both find that the other does not run. */
  async lockProgramStarts(tx: Transaction, namespace: string, app: string): Promise<void> {
    await query(tx, 'SELECT 1 FROM apps WHERE namespace = $1 AND name = $2 FOR NO KEY UPDATE', [namespace, app]);
  }

  /** In which other version this program is active, if any. */
  async activeInOtherVersion(tx: Transaction, program: ProgramRef): Promise<number | null> {
    const [row] = await query<{ version: number }>(
      tx,
      `SELECT r.version FROM runs r WHERE r.namespace = $1 AND r.app = $2 AND r.version <> $3 AND r.program_type = $4 AND r.program_name = $5
         AND r.status IN ${ACTIVE} ORDER BY r.version LIMIT 1`,
      programValues(program),
    );
    return row?.version ?? null;
  }

  /** Active runs that this host's control plane looks after: its own processes, and with `shared` those that nobody alive does. */
  async toLookAfter(tx: Transaction, hostId: string | null, shared: boolean, hostGoneSeconds: number): Promise<Run[]> {
    const rows = await query<RunRow>(
      tx,
      `${SELECT} WHERE r.status IN ${ACTIVE} AND (r.host_id = $1 OR ($2 AND (r.host_id IS NULL OR (r.status = 'STOPPING' AND NOT EXISTS
         (SELECT 1 FROM hosts h WHERE h.host_id = r.host_id AND h.seen_at > now() - make_interval(secs => $3))))))`,
      [hostId, shared, hostGoneSeconds],
    );
    return rows.map(toRun);
  }

  async update(tx: Transaction, runId: string, patch: RunPatch): Promise<void> {
    const columns: [string, unknown][] = [
      ['status', patch.status],
      ['desired_instances', patch.desiredInstances],
      ['started_at', patch.startedAt],
      ['stopping_at', patch.stoppingAt],
      ['stopped_at', patch.stoppedAt],
      ['drain_seconds', patch.drainSeconds],
      ['route_revision', patch.routeRevision],
      ['exit', patch.exit && JSON.stringify(patch.exit)],
      ['error', patch.error],
    ];
    const set = columns.filter(([, value]) => value !== undefined);
    if (set.length === 0) return;
    const assignments = set.map(([column], index) => `${column} = $${index + 2}`).join(', ');
    await query(tx, `UPDATE runs SET ${assignments}, revision = revision + 1 WHERE run_id = $1`, [runId, ...set.map(([, value]) => value)]);
  }

  /** Wakes whoever looks after the run, once the transaction is committed. */
  async tell(tx: Transaction, runId: string): Promise<void> {
    await query(tx, `SELECT pg_notify('${RUNS_CHANNEL}', $1)`, [runId]);
  }

  async instances(tx: Transaction, runIds: readonly string[]): Promise<RunInstance[]> {
    if (runIds.length === 0) return [];
    const rows = await query<InstanceRow>(tx, 'SELECT * FROM run_instances WHERE run_id = ANY($1::uuid[]) ORDER BY ordinal, instance_id', [
      runIds,
    ]);
    return rows.map(toInstance);
  }

  async saveInstance(tx: Transaction, instance: RunInstance): Promise<void> {
    await query(
      tx,
      `INSERT INTO run_instances (instance_uid, run_id, instance_id, ordinal, url, status, started_at, restarts, routable, ttl_seconds, expires_at,
                                  leaving_route_revision, leaving_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::integer, CASE WHEN $10::integer IS NULL THEN NULL ELSE now() + make_interval(secs => $10::integer) END, $11, $12)
       ON CONFLICT (instance_uid) DO UPDATE SET url = $5, status = $6, started_at = $7, restarts = $8, routable = $9, ttl_seconds = $10,
         expires_at = EXCLUDED.expires_at, leaving_route_revision = $11, leaving_at = $12`,
      [
        instance.uid,
        instance.runId,
        instance.instanceId,
        instance.ordinal,
        instance.url,
        instance.status,
        instance.startedAt,
        instance.restarts,
        instance.routable,
        instance.ttlSeconds,
        instance.leaving?.routeRevision ?? null,
        instance.leaving?.at ?? null,
      ],
    );
  }

  async deleteInstance(tx: Transaction, uid: string): Promise<void> {
    await query(tx, 'DELETE FROM run_instances WHERE instance_uid = $1', [uid]);
  }

  /** All instances of a run out of the routes. */
  async unroute(tx: Transaction, runId: string): Promise<void> {
    await query(tx, 'UPDATE run_instances SET routable = false WHERE run_id = $1', [runId]);
  }

  async deleteInstancesOf(tx: Transaction, runId: string): Promise<void> {
    await query(tx, 'DELETE FROM run_instances WHERE run_id = $1', [runId]);
  }

  /** A heartbeat: moves the expiry without touching routes. False when there is no such registered instance with this URL. */
  async beat(tx: Transaction, runId: string, instanceId: string, url: string, ttlSeconds: number): Promise<boolean> {
    const rows = await query(
      tx,
      `UPDATE run_instances SET expires_at = now() + make_interval(secs => $4::integer), ttl_seconds = $4::integer
        WHERE run_id = $1 AND instance_id = $2 AND url = $3 AND routable AND ttl_seconds IS NOT NULL RETURNING instance_uid`,
      [runId, instanceId, url, ttlSeconds],
    );
    return rows.length > 0;
  }

  /** Registered instances whose heartbeat is overdue. */
  async expired(tx: Transaction, limit: number): Promise<RunInstance[]> {
    const rows = await query<InstanceRow>(tx, 'SELECT * FROM run_instances WHERE expires_at < now() ORDER BY expires_at LIMIT $1', [limit]);
    return rows.map(toInstance);
  }

  async hostSeen(tx: Transaction, hostId: string): Promise<void> {
    await query(tx, 'INSERT INTO hosts (host_id, seen_at) VALUES ($1, now()) ON CONFLICT (host_id) DO UPDATE SET seen_at = now()', [
      hostId,
    ]);
  }

  /** The live host with the fewest wanted instances, or null when no control plane may start programs. */
  async leastBusyHost(tx: Transaction, goneSeconds: number): Promise<string | null> {
    const [row] = await query<{ host_id: string }>(
      tx,
      `SELECT h.host_id FROM hosts h LEFT JOIN runs r ON r.host_id = h.host_id AND r.status IN ${ACTIVE}
        WHERE h.seen_at > now() - make_interval(secs => $1)
        GROUP BY h.host_id ORDER BY COALESCE(SUM(r.desired_instances), 0), h.host_id LIMIT 1`,
      [goneSeconds],
    );
    return row?.host_id ?? null;
  }
}

function programValues(program: ProgramRef): [string, string, number, ProgramType, string] {
  return [program.namespace, program.app, program.version, program.type, program.name];
}

function toRun(row: RunRow): Run {
  return {
    runId: row.run_id,
    program: { namespace: row.namespace, app: row.app, version: row.version, type: row.program_type, name: row.program_name },
    artifact: { name: row.artifact_name, version: row.artifact_version },
    hostId: row.host_id,
    status: row.status,
    desiredInstances: row.desired_instances,
    revision: row.revision,
    createdAt: row.created_at,
    startedAt: row.started_at,
    stoppingAt: row.stopping_at,
    stoppedAt: row.stopped_at,
    drainSeconds: row.drain_seconds,
    routeRevision: row.route_revision === null ? null : Number(row.route_revision),
    exit: row.exit,
    error: row.error,
  };
}

function toInstance(row: InstanceRow): RunInstance {
  return {
    uid: row.instance_uid,
    runId: row.run_id,
    instanceId: row.instance_id,
    ordinal: row.ordinal,
    url: row.url,
    status: row.status,
    startedAt: row.started_at,
    restarts: row.restarts,
    routable: row.routable,
    ttlSeconds: row.ttl_seconds,
    expiresAt: row.expires_at,
    leaving:
      row.leaving_at === null || row.leaving_route_revision === null
        ? null
        : { routeRevision: Number(row.leaving_route_revision), at: row.leaving_at },
  };
}
