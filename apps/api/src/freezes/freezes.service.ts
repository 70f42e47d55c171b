import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { AuditRepository } from '../audit/audit.repository.js';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, etagOf, type IfMatch } from '../http/etag.js';
import type { Freeze, FreezeContent } from './freeze.js';
import { FreezesRepository } from './freezes.repository.js';

const MAX_FREEZES = 100;

@Injectable()
export class FreezesService {
  constructor(
    private readonly transactions: Transactions,
    private readonly repository: FreezesRepository,
    private readonly audit: AuditRepository,
  ) {}

  list(namespace: string, limit: number, after: string | null): Promise<Freeze[]> {
    return this.transactions.read(async (tx) => {
      if (!(await this.repository.namespaceExists(tx, namespace))) throw noNamespace(namespace);
      return this.repository.list(tx, namespace, limit, after);
    });
  }

  get(namespace: string, name: string): Promise<Freeze> {
    return this.transactions.read((tx) => this.require(tx, namespace, name));
  }

  /** The same again changes nothing. 409 too_many_freezes. */
  put(namespace: string, name: string, wanted: FreezeContent, by: string, ifMatch: IfMatch): Promise<{ freeze: Freeze; created: boolean }> {
    return this.transactions.run(async (tx) => {
      if (!(await this.repository.lockNamespace(tx, namespace))) throw noNamespace(namespace);
      const before = await this.repository.find(tx, namespace, name);
      checkIfMatch(ifMatch, before && freezeEtag(before));
      if (before && isDeepStrictEqual({ from: before.from, to: before.to, reason: before.reason }, wanted))
        return { freeze: before, created: false };
      if (!before && (await this.repository.count(tx, namespace)) >= MAX_FREEZES)
        throw new DomainError('conflict', 'too_many_freezes', `${namespace} has ${MAX_FREEZES} freezes already; delete some first.`);
      const freeze = await this.repository.put(tx, namespace, name, wanted, by);
      const detail = { from: wanted.from.toISOString(), to: wanted.to.toISOString(), reason: wanted.reason };
      await this.audit.write(tx, { namespace, by, action: 'freeze_put', subject: name, detail });
      return { freeze, created: before === null };
    });
  }

  /** An open one too: that ends it, and is in the audit. */
  async delete(namespace: string, name: string, by: string, ifMatch: IfMatch): Promise<void> {
    await this.transactions.run(async (tx) => {
      if (!(await this.repository.lockNamespace(tx, namespace))) throw noNamespace(namespace);
      const freeze = await this.require(tx, namespace, name);
      checkIfMatch(ifMatch, freezeEtag(freeze));
      await this.repository.delete(tx, namespace, name);
      await this.audit.write(tx, { namespace, by, action: 'freeze_deleted', subject: name, detail: { wasOpen: freeze.open } });
    });
  }

  private async require(tx: Transaction, namespace: string, name: string): Promise<Freeze> {
    const freeze = await this.repository.find(tx, namespace, name);
    if (freeze) return freeze;
    if (!(await this.repository.namespaceExists(tx, namespace))) throw noNamespace(namespace);
    throw new DomainError('not_found', 'freeze_not_found', `There is no freeze ${name} in namespace ${namespace}.`);
  }
}

export function freezeEtag({ revision, createdAt }: Freeze): string {
  return etagOf(revision, createdAt);
}

function noNamespace(namespace: string): DomainError {
  return new DomainError('not_found', 'namespace_not_found', `There is no namespace ${namespace}.`);
}
