import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { ApiConfig } from '../config/api-config.js';
import { Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, etagOf, type IfMatch } from '../http/etag.js';
import { CONFIG } from '../tokens.js';
import type { ArtifactVersion } from './artifact.js';
import { ArtifactsRepository } from './artifacts.repository.js';
import { artifactNotFound } from './artifacts.service.js';
import { BundleError } from './bundle/bundle-error.js';
import { receiveBundle } from './bundle/receive-bundle.js';
import { inspectBundle } from './bundle/unpack-bundle.js';

const CHUNK_BYTES = 1_048_576;
/** No upload takes so long: a file older than this was left by a program that was killed. */
const ABANDONED_MS = 3_600_000;

export interface BundleUpload {
  body: Readable;
  /** What Content-Length says; null when the body comes in chunks. */
  length: number | null;
  expectedSha256: Buffer | null;
  ifMatch: IfMatch;
}

/** Bundles: received into a file, checked there, and only then stored, in pieces that every replica can read. */
@Injectable()
export class BundlesService implements OnApplicationBootstrap {
  private readonly folder: string;

  constructor(
    private readonly transactions: Transactions,
    private readonly repository: ArtifactsRepository,
    @Inject(CONFIG) private readonly config: ApiConfig,
  ) {
    this.folder = join(config.dataDir, 'uploads');
  }

  async onApplicationBootstrap(): Promise<void> {
    for (const name of await readdir(this.folder).catch(() => [])) {
      const file = join(this.folder, name);
      const { mtimeMs = Date.now() } = await stat(file).catch(() => ({ mtimeMs: undefined }));
      if (Date.now() - mtimeMs > ABANDONED_MS) await rm(file, { force: true });
    }
  }

  /**
   * Stores the bundle. The same bytes again: `created` false. 409 artifact_exists for other bytes; 400 bundle_invalid, bundle_unsafe,
   * digest_mismatch; 412; 413 bundle_too_large; 503 when there is no space for it. An upload that breaks off leaves nothing.
   */
  async put(key: [string, string, string], upload: BundleUpload): Promise<{ artifact: ArtifactVersion; created: boolean }> {
    const { body, length, expectedSha256, ifMatch } = upload;
    checkIfMatch(ifMatch, bundleEtag(await this.require(key)));
    const { maxBundleBytes } = this.config;
    if (length !== null && length > maxBundleBytes) throw tooLarge(maxBundleBytes);
    await mkdir(this.folder, { recursive: true }).catch(refuse);
    const file = join(this.folder, randomUUID());
    try {
      const { sha256, bytes } = await receiveBundle(body, file, maxBundleBytes).catch(refuse);
      if (expectedSha256 && !expectedSha256.equals(sha256)) {
        throw new DomainError('malformed', 'digest_mismatch', 'The body is not what Content-Digest says.', {
          errors: [{ path: 'Content-Digest', message: 'does not match the body' }],
        });
      }
      await inspectBundle(createReadStream(file)).catch(refuse);
      return await this.store(key, file, sha256.toString('hex'), bytes, ifMatch);
    } finally {
      await rm(file, { force: true });
    }
  }

  /** 404 artifact_not_found. */
  async require(key: [string, string, string]): Promise<ArtifactVersion> {
    const found = await this.transactions.read((tx) => this.repository.find(tx, ...key));
    if (!found) throw artifactNotFound(key[1], key[2]);
    return found;
  }

  private async store(
    key: [string, string, string],
    file: string,
    sha256: string,
    bytes: number,
    ifMatch: IfMatch,
  ): Promise<{ artifact: ArtifactVersion; created: boolean }> {
    const before = await this.require(key);
    checkIfMatch(ifMatch, bundleEtag(before));
    if (before.bundle) return { artifact: this.same(before, sha256), created: false };
    const bundleId = randomUUID();
    await this.transactions.run((tx) => this.repository.deleteAbandonedChunks(tx));
    try {
      let number = 0;
      for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES })) {
        const index = number++;
        await this.transactions.run((tx) => this.repository.addChunk(tx, bundleId, index, chunk as Buffer));
      }
      const { attached, artifact } = await this.transactions.run(async (tx) => ({
        attached: await this.repository.attachBundle(tx, key, bundleId, sha256, bytes),
        artifact: await this.repository.find(tx, ...key),
      }));
      if (!artifact) throw artifactNotFound(key[1], key[2]);
      if (attached) return { artifact, created: true };
      checkIfMatch(ifMatch, bundleEtag(artifact)); // somebody else was faster
      const same = this.same(artifact, sha256);
      await this.transactions.run((tx) => this.repository.deleteChunks(tx, bundleId));
      return { artifact: same, created: false };
    } catch (error) {
      if (error instanceof DomainError && error.code === 'commit_unknown') throw error; // it may be attached
      await this.transactions.run((tx) => this.repository.deleteChunks(tx, bundleId)).catch(() => undefined);
      throw error;
    }
  }

  private same(artifact: ArtifactVersion, sha256: string): ArtifactVersion {
    if (artifact.bundle?.sha256 === sha256) return artifact;
    throw new DomainError(
      'conflict',
      'artifact_exists',
      `${artifact.artifact} ${artifact.version} has another bundle already; a version never changes.`,
    );
  }
}

/** Null while there is no bundle. */
export function bundleEtag({ bundle }: ArtifactVersion): string | null {
  return bundle && etagOf(bundle.sha256);
}

function tooLarge(maxBytes: number): DomainError {
  return new DomainError('too_large', 'bundle_too_large', `A bundle may have at most ${maxBytes} bytes.`);
}

function refuse(error: unknown): never {
  // The disk of this replica is a dependency, too: it may be full, or read-only.
  const { code } = error as NodeJS.ErrnoException;
  if (!(error instanceof BundleError)) {
    if (!/^E[A-Z]+$/.test(code ?? '')) throw error;
    const detail = `The data folder of the control plane cannot be used (${code}); nothing was changed.`;
    throw new DomainError('unavailable', 'dependency_unavailable', detail, { cause: error });
  }
  throw new DomainError(error.code === 'bundle_too_large' ? 'too_large' : 'malformed', error.code, error.message, { cause: error });
}
