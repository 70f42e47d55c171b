import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { ApiConfig } from '../config/api-config.js';
import { Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { CONFIG } from '../tokens.js';
import type { ArtifactVersion } from './artifact.js';
import { ArtifactsRepository } from './artifacts.repository.js';
import { artifactNotFound } from './artifacts.service.js';
import { BundleError } from './bundle/bundle-error.js';
import { inspectBundle } from './bundle/unpack-bundle.js';

const CHUNK_BYTES = 1_048_576;
const MAX_BUNDLE_BYTES = 268_435_456;

/** Bundles: received into a file, checked there, and only then stored, in pieces that every replica can read. */
@Injectable()
export class BundlesService {
  constructor(
    private readonly transactions: Transactions,
    private readonly repository: ArtifactsRepository,
    @Inject(CONFIG) private readonly config: ApiConfig,
  ) {}

  /**
   * Stores the bundle. The same bytes again: `created` false. 409 artifact_exists for other bytes; 400 bundle_invalid, bundle_unsafe,
   * digest_mismatch; 413 bundle_too_large. An upload that breaks off leaves nothing.
   */
  async put(
    key: [string, string, string],
    body: Readable,
    expectedSha256: Buffer | null,
  ): Promise<{ artifact: ArtifactVersion; created: boolean }> {
    await this.require(key);
    const folder = join(this.config.dataDir, 'uploads');
    await mkdir(folder, { recursive: true });
    const file = join(folder, randomUUID());
    try {
      const { sha256, bytes } = await receive(body, file);
      if (expectedSha256 && !expectedSha256.equals(sha256)) {
        throw new DomainError('malformed', 'digest_mismatch', 'The body is not what Content-Digest says.', {
          errors: [{ path: 'Content-Digest', message: 'does not match the body' }],
        });
      }
      await inspectBundle(createReadStream(file)).catch(refuse);
      return await this.store(key, file, sha256.toString('hex'), bytes);
    } finally {
      await rm(file, { force: true });
    }
  }

  /** 404 artifact_not_found, bundle_not_found. */
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
  ): Promise<{ artifact: ArtifactVersion; created: boolean }> {
    const before = await this.require(key);
    if (before.bundle) return { artifact: this.same(before, sha256), created: false };
    const bundleId = randomUUID();
    await this.transactions.run((tx) => this.repository.deleteAbandonedChunks(tx));
    try {
      let number = 0;
      for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES })) {
        const index = number++;
        await this.transactions.run((tx) => this.repository.addChunk(tx, bundleId, index, chunk as Buffer));
      }
      const attached = await this.transactions.run((tx) => this.repository.attachBundle(tx, key, bundleId, sha256, bytes));
      const artifact = await this.require(key);
      if (attached) return { artifact, created: true };
      await this.transactions.run((tx) => this.repository.deleteChunks(tx, bundleId));
      return { artifact: this.same(artifact, sha256), created: false };
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

async function receive(body: Readable, file: string): Promise<{ sha256: Buffer; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > MAX_BUNDLE_BYTES)
        return done(new DomainError('too_large', 'bundle_too_large', `A bundle may have at most ${MAX_BUNDLE_BYTES} bytes.`));
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(body, count, createWriteStream(file, { flags: 'wx', mode: 0o600 }));
  return { sha256: hash.digest(), bytes };
}

function refuse(error: unknown): never {
  if (!(error instanceof BundleError)) throw error;
  throw new DomainError(error.code === 'bundle_too_large' ? 'too_large' : 'malformed', error.code, error.message, { cause: error });
}
