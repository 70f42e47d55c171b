import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { ArtifactsRepository } from './artifacts.repository.js';
import { artifactNotFound } from './artifacts.service.js';

/** Makes an artifact version known in another namespace: the very same, on the same bundle, of which no byte is copied. */
@Injectable()
export class ArtifactCopier {
  constructor(private readonly repository: ArtifactsRepository) {}

  /** Fine too when the same is there already. 409 artifact_differs when another one has its name. Gives the bundle's hash, null without one. */
  async copy(tx: Transaction, from: string, to: string, { name, version }: { name: string; version: string }): Promise<string | null> {
    const source = await this.repository.find(tx, from, name, version, 'FOR SHARE');
    if (!source) throw artifactNotFound(name, version);
    const sha256 = source.bundle?.sha256 ?? null;
    if (await this.repository.copy(tx, [from, name, version], to)) return sha256;
    const there = await this.repository.find(tx, to, name, version, 'FOR SHARE');
    if (isDeepStrictEqual(there?.programs, source.programs) && (there?.bundle?.sha256 ?? null) === sha256) return sha256;
    throw new DomainError(
      'conflict',
      'artifact_differs',
      `Namespace ${to} has another ${name} ${version}: what was validated cannot come there under this name.`,
    );
  }
}
