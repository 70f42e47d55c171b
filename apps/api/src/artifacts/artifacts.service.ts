import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import semver from 'semver';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, etagOf, type IfMatch } from '../http/etag.js';
import { MAX_PAGE_BYTES } from '../http/pagination.js';
import type { ArtifactContent, ArtifactVersion, ListedArtifactVersion } from './artifact.js';
import { type ArtifactLock, ArtifactsRepository } from './artifacts.repository.js';

@Injectable()
export class ArtifactsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly repository: ArtifactsRepository,
  ) {}

  names(namespace: string, limit: number, after: string | null): Promise<{ name: string; versions: number }[]> {
    return this.transactions.read(async (tx) => {
      await this.requireNamespace(tx, namespace);
      return this.repository.names(tx, namespace, limit, after);
    });
  }

  list(namespace: string, artifact: string, limit: number, after: string | null): Promise<ListedArtifactVersion[]> {
    return this.transactions.read(async (tx) => {
      await this.requireNamespace(tx, namespace);
      const found = await this.repository.list(tx, namespace, artifact, limit, after, MAX_PAGE_BYTES);
      if (found.length === 0 && after === null)
        throw new DomainError('not_found', 'artifact_not_found', `There is no artifact ${artifact} in namespace ${namespace}.`);
      return found;
    });
  }

  get(namespace: string, artifact: string, version: string): Promise<ArtifactVersion> {
    return this.transactions.read((tx) => this.require(tx, namespace, artifact, version));
  }

  /** The same content again: `created` false. 409 artifact_exists for other content: a version never changes. */
  put(
    namespace: string,
    artifact: string,
    version: string,
    content: ArtifactContent,
    ifMatch: IfMatch,
  ): Promise<{ artifact: ArtifactVersion; created: boolean }> {
    return this.transactions.run(async (tx) => {
      await this.requireNamespace(tx, namespace, 'FOR KEY SHARE');
      const before = await this.repository.find(tx, namespace, artifact, version);
      checkIfMatch(ifMatch, before && artifactEtag(before));
      const created = before === null && (await this.repository.insert(tx, namespace, artifact, version, content));
      const now = before ?? (await this.require(tx, namespace, artifact, version));
      if (before === null && !created) checkIfMatch(ifMatch, artifactEtag(now)); // somebody else made it meanwhile
      const { description, labels, programs } = now;
      if (!created && !isDeepStrictEqual({ description, labels, programs }, content)) {
        throw new DomainError(
          'conflict',
          'artifact_exists',
          `${artifact} ${version} exists with other content; a version never changes, make a new one.`,
        );
      }
      return { artifact: now, created };
    });
  }

  /** 409 artifact_in_use when an app version uses it. */
  async delete(namespace: string, artifact: string, version: string, ifMatch: IfMatch): Promise<void> {
    await this.transactions.run(async (tx) => {
      // Locked: neither a bundle nor an app version comes to it between the look and the deletion, and of two deletions one is a 404.
      const found = await this.require(tx, namespace, artifact, version, 'FOR UPDATE');
      checkIfMatch(ifMatch, artifactEtag(found));
      const user = await this.repository.user(tx, namespace, artifact, version);
      if (user) throw new DomainError('conflict', 'artifact_in_use', `Version ${user.version} of app ${user.app} is made from it.`);
      await this.repository.delete(tx, namespace, artifact, version);
    });
  }

  private async require(
    tx: Transaction,
    namespace: string,
    artifact: string,
    version: string,
    lock?: ArtifactLock,
  ): Promise<ArtifactVersion> {
    const found = await this.repository.find(tx, namespace, artifact, version, lock);
    if (found) return found;
    await this.requireNamespace(tx, namespace);
    throw artifactNotFound(artifact, version);
  }

  private async requireNamespace(tx: Transaction, namespace: string, lock: '' | 'FOR KEY SHARE' = ''): Promise<void> {
    if (await this.repository.namespaceExists(tx, namespace, lock)) return;
    throw new DomainError('not_found', 'namespace_not_found', `There is no namespace ${namespace}.`);
  }
}

/** Its bundle is the only thing of a version that comes later. */
export function artifactEtag(artifact: ArtifactVersion): string {
  return etagOf(artifact.bundle ? 2 : 1, artifact.createdAt);
}

export function artifactNotFound(artifact: string, version: string): DomainError {
  return new DomainError('not_found', 'artifact_not_found', `There is no version ${version} of artifact ${artifact}.`);
}

/** 400 invalid_version unless it is a full semantic version (semver.org), written as such. */
export function requireSemver(version: string): string {
  if (version.length <= 128 && semver.valid(version) !== null && !/^[v=\s]/.test(version) && version === version.trim()) return version;
  const message = 'must be a semantic version like 1.2.3';
  throw new DomainError('malformed', 'invalid_version', `The version ${message}.`, { errors: [{ path: 'semver', message }] });
}
