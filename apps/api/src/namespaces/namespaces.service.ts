import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, etagOf, type IfMatch } from '../http/etag.js';
import { DEFAULT_NAMESPACE, type Namespace } from './namespace.js';
import { NamespacesRepository } from './namespaces.repository.js';

@Injectable()
export class NamespacesService {
  constructor(
    private readonly transactions: Transactions,
    private readonly namespaces: NamespacesRepository,
  ) {}

  async get(name: string): Promise<Namespace> {
    return this.transactions.read((tx) => this.require(tx, name));
  }

  async list(limit: number, after: string | null): Promise<Namespace[]> {
    return this.transactions.read((tx) => this.namespaces.list(tx, limit, after));
  }

  /** Makes it or replaces what it says. The same again changes nothing, the revision neither. 412 when `expected` does not hold. */
  async put(
    name: string,
    wanted: Pick<Namespace, 'description' | 'labels'>,
    expected: IfMatch,
  ): Promise<{ namespace: Namespace; created: boolean }> {
    return this.transactions.run(async (tx) => {
      let current = await this.namespaces.findForUpdate(tx, name);
      if (current === null) {
        checkIfMatch(expected, null);
        if (await this.namespaces.insert(tx, name, wanted.description, wanted.labels)) {
          return { namespace: await this.require(tx, name), created: true };
        }
        current = await this.namespaces.findForUpdate(tx, name);
      }
      checkIfMatch(expected, current && namespaceEtag(current));
      const { description, labels } = current ?? {};
      if (!isDeepStrictEqual({ description, labels }, { ...wanted }))
        await this.namespaces.update(tx, name, wanted.description, wanted.labels);
      return { namespace: await this.require(tx, name), created: false };
    });
  }

  /** 404 namespace_not_found, 409 namespace_reserved, 409 namespace_in_use, 412. */
  async delete(name: string, expected: IfMatch): Promise<void> {
    await this.transactions.run(async (tx) => {
      const current = await this.namespaces.findForUpdate(tx, name);
      if (current === null) throw notFound(name);
      checkIfMatch(expected, namespaceEtag(current));
      if (name === DEFAULT_NAMESPACE) throw new DomainError('conflict', 'namespace_reserved', `Namespace ${name} always exists.`);
      await this.namespaces.delete(tx, name);
    });
  }

  private async require(tx: Transaction, name: string): Promise<Namespace> {
    const namespace = await this.namespaces.find(tx, name);
    if (namespace === null) throw notFound(name);
    return namespace;
  }
}

export function namespaceEtag(namespace: Namespace): string {
  return etagOf(namespace.revision, namespace.createdAt);
}

function notFound(name: string): DomainError {
  return new DomainError('not_found', 'namespace_not_found', `There is no namespace ${name}.`);
}
