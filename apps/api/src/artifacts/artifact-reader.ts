import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import type { ProgramSpec } from './artifact.js';
import { ArtifactsRepository } from './artifacts.repository.js';

export type { ProgramSpec } from './artifact.js';

/** What other nouns need of artifacts. */
@Injectable()
export class ArtifactReader {
  constructor(
    private readonly transactions: Transactions,
    private readonly repository: ArtifactsRepository,
  ) {}

  async find(
    tx: Transaction,
    namespace: string,
    name: string,
    version: string,
  ): Promise<{ programs: ProgramSpec[]; bundleSha256: string | null } | null> {
    const found = await this.repository.find(tx, namespace, name, version);
    return found && { programs: found.programs, bundleSha256: found.bundle?.sha256 ?? null };
  }

  /** Does the version exist? If so, it cannot be deleted until the transaction ends. */
  async lock(tx: Transaction, namespace: string, name: string, version: string): Promise<boolean> {
    return (await this.repository.find(tx, namespace, name, version, 'FOR KEY SHARE')) !== null;
  }

  /**
   * The bundle's bytes, read piece by piece: one short transaction each, since a reader may be slow. 404 bundle_not_found. Fails when the bundle is deleted
   * meanwhile; what was read until then is never taken for the whole.
   */
  async openBundle(namespace: string, name: string, version: string): Promise<Readable> {
    const bundle = await this.transactions.read((tx) => this.repository.storedBundle(tx, namespace, name, version));
    if (bundle === null) throw new DomainError('not_found', 'bundle_not_found', `${name} ${version} has no bundle.`);
    const { transactions, repository } = this;
    async function* chunks({ id, bytes }: { id: string; bytes: number }) {
      let left = bytes;
      for (let number = 0; left > 0; number++) {
        const chunk = await transactions.read((tx) => repository.chunk(tx, id, number));
        if (chunk === null) throw new Error(`the bundle of artifact ${name} ${version} was deleted`);
        left -= chunk.length;
        yield chunk;
      }
    }
    return Readable.from(chunks(bundle), { objectMode: false });
  }
}
