import { Injectable } from '@nestjs/common';
import { query, type Transaction } from '../database/transaction.js';
import type { ArtifactContent, ArtifactVersion, ListedArtifactVersion, ProgramSpec } from './artifact.js';

interface Row {
  namespace: string;
  artifact: string;
  version: string;
  description: string | null;
  labels: Record<string, string>;
  programs: ProgramSpec[];
  bundle_id: string | null;
  bundle_sha256: string | null;
  bundle_bytes: string | null;
  created_at: Date;
}

/** `FOR KEY SHARE` keeps the version from being deleted until the transaction ends, `FOR SHARE` and `FOR UPDATE` (alone) from any change. */
export type ArtifactLock = '' | 'FOR KEY SHARE' | 'FOR SHARE' | 'FOR UPDATE';

const KEY = 'namespace = $1 AND artifact = $2 AND version = $3';

@Injectable()
export class ArtifactsRepository {
  /** With `FOR KEY SHARE` it cannot be deleted until the transaction ends. */
  async namespaceExists(tx: Transaction, namespace: string, lock: '' | 'FOR KEY SHARE' = ''): Promise<boolean> {
    return (await query(tx, `SELECT 1 FROM namespaces WHERE name = $1 ${lock}`, [namespace])).length > 0;
  }

  async find(
    tx: Transaction,
    namespace: string,
    artifact: string,
    version: string,
    lock: ArtifactLock = '',
  ): Promise<ArtifactVersion | null> {
    const [row] = await query<Row>(tx, `SELECT * FROM artifact_versions WHERE ${KEY} ${lock}`, [namespace, artifact, version]);
    return row ? toArtifactVersion(row) : null;
  }

  /** False when it is there already. */
  async insert(tx: Transaction, namespace: string, artifact: string, version: string, content: ArtifactContent): Promise<boolean> {
    const rows = await query(
      tx,
      `INSERT INTO artifact_versions (namespace, artifact, version, description, labels, programs) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT DO NOTHING RETURNING version`,
      [namespace, artifact, version, content.description, JSON.stringify(content.labels), JSON.stringify(content.programs)],
    );
    return rows.length > 0;
  }

  /** Names of artifacts after `after`, in order. */
  async names(tx: Transaction, namespace: string, limit: number, after: string | null): Promise<{ name: string; versions: number }[]> {
    return query(
      tx,
      `SELECT artifact AS name, count(*)::integer AS versions FROM artifact_versions
        WHERE namespace = $1 AND ($2::text IS NULL OR artifact > $2) GROUP BY artifact ORDER BY artifact LIMIT $3`,
      [namespace, after, limit],
    );
  }

  /** Versions of one artifact in the order of their text, those after `after`, up to the first that is beyond `maxBytes` of programs. */
  async list(
    tx: Transaction,
    namespace: string,
    artifact: string,
    limit: number,
    after: string | null,
    maxBytes: number,
  ): Promise<ListedArtifactVersion[]> {
    const rows = await query<Row & { program_bytes: number }>(
      tx,
      `SELECT * FROM
         (SELECT *, sum(program_bytes) OVER (ORDER BY version) AS total_bytes FROM
           (SELECT *, octet_length(programs::text) AS program_bytes FROM artifact_versions
             WHERE namespace = $1 AND artifact = $2 AND ($3::text IS NULL OR version > $3) ORDER BY version LIMIT $4) AS page) AS summed
        WHERE total_bytes - program_bytes <= $5 ORDER BY version`,
      [namespace, artifact, after, limit, maxBytes],
    );
    return rows.map((row) => ({ ...toArtifactVersion(row), programBytes: row.program_bytes }));
  }

  /** Which app version uses it, if any. */
  async user(tx: Transaction, namespace: string, artifact: string, version: string): Promise<{ app: string; version: number } | null> {
    const [row] = await query<{ app: string; version: number }>(
      tx,
      'SELECT app, version FROM app_versions WHERE namespace = $1 AND artifact_name = $2 AND artifact_version = $3 ORDER BY app, version LIMIT 1',
      [namespace, artifact, version],
    );
    return row ?? null;
  }

  async delete(tx: Transaction, namespace: string, artifact: string, version: string): Promise<void> {
    const [row] = await query<{ bundle_id: string | null }>(tx, `DELETE FROM artifact_versions WHERE ${KEY} RETURNING bundle_id`, [
      namespace,
      artifact,
      version,
    ]);
    if (row?.bundle_id) await this.deleteChunks(tx, row.bundle_id);
  }

  async addChunk(tx: Transaction, bundleId: string, number: number, bytes: Buffer): Promise<void> {
    await query(tx, 'INSERT INTO bundle_chunks (bundle_id, number, bytes) VALUES ($1, $2, $3)', [bundleId, number, bytes]);
  }

  /** Unless another artifact version, in whatever namespace, has the same bundle. */
  async deleteChunks(tx: Transaction, bundleId: string): Promise<void> {
    await query(
      tx,
      'DELETE FROM bundle_chunks WHERE bundle_id = $1 AND NOT EXISTS (SELECT 1 FROM artifact_versions WHERE bundle_id = $1)',
      [bundleId],
    );
  }

  /** The same in another namespace, on the same bundle. False when there is one of this name already. */
  async copy(tx: Transaction, key: [string, string, string], toNamespace: string): Promise<boolean> {
    const rows = await query(
      tx,
      `INSERT INTO artifact_versions (namespace, artifact, version, description, labels, programs, bundle_id, bundle_sha256, bundle_bytes)
       SELECT $4, artifact, version, description, labels, programs, bundle_id, bundle_sha256, bundle_bytes
         FROM artifact_versions WHERE ${KEY} ON CONFLICT DO NOTHING RETURNING version`,
      [...key, toNamespace],
    );
    return rows.length > 0;
  }

  /** False when the artifact version has a bundle already (or is gone). */
  async attachBundle(tx: Transaction, key: [string, string, string], bundleId: string, sha256: string, bytes: number): Promise<boolean> {
    const rows = await query(
      tx,
      `UPDATE artifact_versions SET bundle_id = $4, bundle_sha256 = $5, bundle_bytes = $6 WHERE ${KEY} AND bundle_id IS NULL RETURNING version`,
      [...key, bundleId, sha256, bytes],
    );
    return rows.length > 0;
  }

  /** Null when there is no bundle. */
  async storedBundle(tx: Transaction, namespace: string, artifact: string, version: string): Promise<{ id: string; bytes: number } | null> {
    const [row] = await query<{ id: string; bytes: string }>(
      tx,
      `SELECT bundle_id AS id, bundle_bytes AS bytes FROM artifact_versions WHERE ${KEY} AND bundle_id IS NOT NULL`,
      [namespace, artifact, version],
    );
    return row ? { id: row.id, bytes: Number(row.bytes) } : null;
  }

  async chunk(tx: Transaction, bundleId: string, number: number): Promise<Buffer | null> {
    const [row] = await query<{ bytes: Buffer }>(tx, 'SELECT bytes FROM bundle_chunks WHERE bundle_id = $1 AND number = $2', [
      bundleId,
      number,
    ]);
    return row?.bytes ?? null;
  }

  /** Chunks of uploads that were never finished (their replica was killed). */
  async deleteAbandonedChunks(tx: Transaction): Promise<void> {
    await query(
      tx,
      `DELETE FROM bundle_chunks c WHERE written_at < now() - interval '1 hour'
         AND NOT EXISTS (SELECT 1 FROM artifact_versions a WHERE a.bundle_id = c.bundle_id)`,
    );
  }
}

function toArtifactVersion(row: Row): ArtifactVersion {
  return {
    namespace: row.namespace,
    artifact: row.artifact,
    version: row.version,
    description: row.description,
    labels: row.labels,
    programs: row.programs,
    bundle: row.bundle_sha256 === null ? null : { sha256: row.bundle_sha256, bytes: Number(row.bundle_bytes) },
    createdAt: row.created_at,
  };
}
