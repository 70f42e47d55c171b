import type { Affinity, AudienceRule, Fallback, Limits, Mirror, OnUnavailable } from '@app-fabric/routing';
import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import type { Alias, App, AppVersion, Rejection, Routing, VersionPlace } from './app.js';

interface AppRow {
  namespace: string;
  name: string;
  description: string | null;
  fallback: Fallback;
  on_unavailable: OnUnavailable;
  affinity: Affinity | null;
  pin_by_accept: boolean;
  audiences: AudienceRule[];
  mirror: Mirror | null;
  limits: Limits | null;
  revision: number;
  created_at: Date;
  updated_at: Date;
}

interface VersionRow {
  namespace: string;
  app: string;
  version: number;
  artifact_name: string;
  artifact_version: string;
  config: Record<string, unknown>;
  labels: Record<string, string>;
  created_at: Date;
  created_by: string;
  promoted_from_namespace: string | null;
  promoted_from_version: number | null;
  origin_namespace: string | null;
  origin_version: number | null;
  rejection: Rejection | null;
}

@Injectable()
export class AppsRepository {
  /** With `FOR KEY SHARE` it cannot be deleted until the transaction ends. */
  async namespaceExists(tx: Transaction, namespace: string, lock: '' | 'FOR KEY SHARE' = ''): Promise<boolean> {
    return (await query(tx, `SELECT 1 FROM namespaces WHERE name = $1 ${lock}`, [namespace])).length > 0;
  }

  async find(tx: Transaction, namespace: string, name: string): Promise<App | null> {
    const [row] = await query<AppRow>(tx, 'SELECT * FROM apps WHERE namespace = $1 AND name = $2', [namespace, name]);
    return row ? toApp(row) : null;
  }

  /** By name, those after `after`. */
  async list(tx: Transaction, namespace: string, limit: number, after: string | null): Promise<App[]> {
    const rows = await query<AppRow>(
      tx,
      'SELECT * FROM apps WHERE namespace = $1 AND ($2::text IS NULL OR name > $2) ORDER BY name LIMIT $3',
      [namespace, after, limit],
    );
    return rows.map(toApp);
  }

  async insert(tx: Transaction, namespace: string, name: string, description: string | null, routing: Routing): Promise<App> {
    const [row] = await query<AppRow>(
      tx,
      `INSERT INTO apps (namespace, name, description, fallback, on_unavailable, affinity, pin_by_accept, audiences, mirror, limits)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING *`,
      [namespace, name, description, ...routingValues(routing)],
    );
    return toApp(row!);
  }

  async update(tx: Transaction, namespace: string, name: string, description: string | null, routing: Routing): Promise<App> {
    const [row] = await query<AppRow>(
      tx,
      `WITH changed AS (UPDATE apps SET description = $3, fallback = $4, on_unavailable = $5, affinity = $6, pin_by_accept = $7, audiences = $8,
         mirror = $9, limits = $10, revision = revision + 1, updated_at = now()
         WHERE namespace = $1 AND name = $2 RETURNING *) SELECT * FROM changed`,
      [namespace, name, description, ...routingValues(routing)],
    );
    return toApp(row!);
  }

  async delete(tx: Transaction, namespace: string, name: string): Promise<void> {
    await query(tx, 'DELETE FROM apps WHERE namespace = $1 AND name = $2', [namespace, name]);
  }

  /** The next version number of this app, never given out before. */
  async nextVersion(tx: Transaction, namespace: string, app: string): Promise<number> {
    const [row] = await query<{ last_version: number }>(
      tx,
      `INSERT INTO app_version_counters (namespace, app, last_version) VALUES ($1, $2, 1)
       ON CONFLICT (namespace, app) DO UPDATE SET last_version = app_version_counters.last_version + 1 RETURNING last_version`,
      [namespace, app],
    );
    return row!.last_version;
  }

  async countVersions(tx: Transaction, namespace: string, app: string): Promise<number> {
    const [row] = await query<{ count: number }>(
      tx,
      'SELECT count(*)::integer AS count FROM app_versions WHERE namespace = $1 AND app = $2',
      [namespace, app],
    );
    return row!.count;
  }

  async countAliases(tx: Transaction, namespace: string, app: string): Promise<number> {
    const [row] = await query<{ count: number }>(
      tx,
      'SELECT count(*)::integer AS count FROM app_aliases WHERE namespace = $1 AND app = $2',
      [namespace, app],
    );
    return row!.count;
  }

  async insertVersion(tx: Transaction, version: Omit<AppVersion, 'createdAt' | 'rejection'>): Promise<AppVersion> {
    const [row] = await query<VersionRow>(
      tx,
      `INSERT INTO app_versions (namespace, app, version, artifact_name, artifact_version, config, labels, created_by,
                                 promoted_from_namespace, promoted_from_version, origin_namespace, origin_version)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING *`,
      [
        version.namespace,
        version.app,
        version.version,
        version.artifact.name,
        version.artifact.version,
        JSON.stringify(version.config),
        JSON.stringify(version.labels),
        version.createdBy,
        version.promotedFrom?.namespace ?? null,
        version.promotedFrom?.version ?? null,
        version.origin?.namespace ?? null,
        version.origin?.version ?? null,
      ],
    );
    return toVersion(row!);
  }

  async findVersion(tx: Transaction, namespace: string, app: string, version: number): Promise<AppVersion | null> {
    const [row] = await query<VersionRow>(tx, 'SELECT * FROM app_versions WHERE namespace = $1 AND app = $2 AND version = $3', [
      namespace,
      app,
      version,
    ]);
    return row ? toVersion(row) : null;
  }

  /** The version, and all of the same origin in whatever namespace, are back in development from now on, unless they were before. */
  async rejectLine(tx: Transaction, namespace: string, app: string, version: number, rejection: Rejection): Promise<void> {
    await query(
      tx,
      `WITH origin AS (
         SELECT COALESCE(origin_namespace, namespace) AS namespace, COALESCE(origin_version, version) AS version FROM app_versions
          WHERE namespace = $1 AND app = $2 AND version = $3)
       UPDATE app_versions v SET rejection = $4 FROM origin o
        WHERE v.app = $2 AND v.rejection IS NULL
          AND ((v.namespace = o.namespace AND v.version = o.version) OR (v.origin_namespace = o.namespace AND v.origin_version = o.version))`,
      [namespace, app, version, JSON.stringify(rejection)],
    );
  }

  /** Newest first, those below `before`. */
  async listVersions(tx: Transaction, namespace: string, app: string, limit: number, before: number | null): Promise<AppVersion[]> {
    const rows = await query<VersionRow>(
      tx,
      'SELECT * FROM app_versions WHERE namespace = $1 AND app = $2 AND ($3::integer IS NULL OR version < $3) ORDER BY version DESC LIMIT $4',
      [namespace, app, before, limit],
    );
    return rows.map(toVersion);
  }

  /** Locks the version against new runs until the transaction ends. False when there is no such version. */
  async lockVersion(tx: Transaction, namespace: string, app: string, version: number): Promise<boolean> {
    const rows = await query(tx, 'SELECT 1 FROM app_versions WHERE namespace = $1 AND app = $2 AND version = $3 FOR UPDATE', [
      namespace,
      app,
      version,
    ]);
    return rows.length > 0;
  }

  async deleteVersion(tx: Transaction, namespace: string, app: string, version: number): Promise<void> {
    await query(tx, 'DELETE FROM app_versions WHERE namespace = $1 AND app = $2 AND version = $3', [namespace, app, version]);
  }

  /** Which of these versions do not exist, ascending. */
  async unknownVersions(tx: Transaction, namespace: string, app: string, versions: readonly number[]): Promise<number[]> {
    const rows = await query<{ version: number }>(
      tx,
      `SELECT wanted.version FROM unnest($3::integer[]) AS wanted(version)
        WHERE NOT EXISTS (SELECT 1 FROM app_versions v WHERE v.namespace = $1 AND v.app = $2 AND v.version = wanted.version) ORDER BY 1`,
      [namespace, app, versions],
    );
    return rows.map(({ version }) => version);
  }

  /** Does a distribution of the app, or of one of its services, name the version? Stored maps hold only weights above 0. */
  async hasWeight(tx: Transaction, namespace: string, app: string, version: number): Promise<boolean> {
    const rows = await query(tx, 'SELECT 1 FROM distributions WHERE namespace = $1 AND app = $2 AND jsonb_exists(weights, $3) LIMIT 1', [
      namespace,
      app,
      String(version),
    ]);
    return rows.length > 0;
  }

  /** Is it candidate or baseline of a release that has not ended? */
  async isReleased(tx: Transaction, namespace: string, app: string, version: number): Promise<boolean> {
    const rows = await query(
      tx,
      'SELECT 1 FROM releases WHERE namespace = $1 AND app = $2 AND ended_at IS NULL AND $3 IN (candidate, baseline)',
      [namespace, app, version],
    );
    return rows.length > 0;
  }

  async findAlias(tx: Transaction, namespace: string, app: string, alias: string): Promise<Alias | null> {
    const [row] = await query<AliasRow>(tx, 'SELECT * FROM app_aliases WHERE namespace = $1 AND app = $2 AND alias = $3', [
      namespace,
      app,
      alias,
    ]);
    return row ? toAlias(row) : null;
  }

  async listAliases(tx: Transaction, namespace: string, app: string, limit: number, after: string | null): Promise<Alias[]> {
    const rows = await query<AliasRow>(
      tx,
      'SELECT * FROM app_aliases WHERE namespace = $1 AND app = $2 AND ($3::text IS NULL OR alias > $3) ORDER BY alias LIMIT $4',
      [namespace, app, after, limit],
    );
    return rows.map(toAlias);
  }

  async putAlias(tx: Transaction, namespace: string, app: string, alias: string, version: number): Promise<Alias> {
    const [row] = await query<AliasRow>(
      tx,
      `INSERT INTO app_aliases (namespace, app, alias, version) VALUES ($1, $2, $3, $4)
       ON CONFLICT (namespace, app, alias) DO UPDATE SET version = $4, revision = app_aliases.revision + 1, updated_at = now() RETURNING *`,
      [namespace, app, alias, version],
    );
    return toAlias(row!);
  }

  async deleteAlias(tx: Transaction, namespace: string, app: string, alias: string): Promise<void> {
    await query(tx, 'DELETE FROM app_aliases WHERE namespace = $1 AND app = $2 AND alias = $3', [namespace, app, alias]);
  }

  async aliasesOf(tx: Transaction, namespace: string, app: string, version: number): Promise<string[]> {
    const rows = await query<{ alias: string }>(
      tx,
      'SELECT alias FROM app_aliases WHERE namespace = $1 AND app = $2 AND version = $3 ORDER BY alias',
      [namespace, app, version],
    );
    return rows.map(({ alias }) => alias);
  }
}

interface AliasRow {
  alias: string;
  version: number;
  revision: number;
  updated_at: Date;
}

function toAlias(row: AliasRow): Alias {
  return { alias: row.alias, version: row.version, revision: row.revision, updatedAt: row.updated_at };
}

function routingValues({ fallback, onUnavailable, affinity, pinByAccept, audiences, mirror, limits }: Routing): unknown[] {
  const json = (value: object | null) => value && JSON.stringify(value);
  return [fallback, onUnavailable, json(affinity), pinByAccept, json(audiences), json(mirror), json(limits)];
}

function toApp(row: AppRow): App {
  return {
    namespace: row.namespace,
    name: row.name,
    description: row.description,
    routing: {
      fallback: row.fallback,
      onUnavailable: row.on_unavailable,
      affinity: row.affinity,
      pinByAccept: row.pin_by_accept,
      audiences: row.audiences,
      mirror: row.mirror,
      limits: row.limits,
    },
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toVersion(row: VersionRow): AppVersion {
  return {
    namespace: row.namespace,
    app: row.app,
    version: row.version,
    artifact: { name: row.artifact_name, version: row.artifact_version },
    config: row.config,
    labels: row.labels,
    createdAt: row.created_at,
    createdBy: row.created_by,
    promotedFrom: toPlace(row.promoted_from_namespace, row.promoted_from_version),
    origin: toPlace(row.origin_namespace, row.origin_version),
    rejection: row.rejection,
  };
}

function toPlace(namespace: string | null, version: number | null): VersionPlace | null {
  return namespace === null || version === null ? null : { namespace, version };
}
