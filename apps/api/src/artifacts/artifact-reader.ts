import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { type Transaction, Transactions } from '../database/transaction.js';
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

  /** The bundle's bytes, read piece by piece: one short transaction each, since a reader may be slow. */
  async openBundle(namespace: string, name: string, version: string): Promise<Readable> {
    const bundleId = await this.transactions.read((tx) => this.repository.bundleId(tx, namespace, name, version));
    if (bundleId === null) throw new Error(`artifact ${name} ${version} has no bundle`);
    const { transactions, repository } = this;
    async function* chunks(id: string) {
      for (let number = 0; ; number++) {
        const bytes = await transactions.read((tx) => repository.chunk(tx, id, number));
        if (bytes === null) return;
        yield bytes;
      }
    }
    return Readable.from(chunks(bundleId), { objectMode: false });
  }
}
