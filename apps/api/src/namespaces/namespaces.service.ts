import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { AuditRepository } from '../audit/audit.repository.js';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, etagOf, type IfMatch } from '../http/etag.js';
import { DEFAULT_NAMESPACE, type Namespace, type NamespaceContent } from './namespace.js';
import { NamespacesRepository } from './namespaces.repository.js';
import { changedNames, type WantedVariables, withKeptSecrets } from './variables.js';

export type WantedNamespace = Omit<NamespaceContent, 'variables'> & { variables: WantedVariables };

@Injectable()
export class NamespacesService {
  constructor(
    private readonly transactions: Transactions,
    private readonly namespaces: NamespacesRepository,
    private readonly audit: AuditRepository,
  ) {}

  async get(name: string): Promise<Namespace> {
    return this.transactions.read((tx) => this.require(tx, name));
  }

  async list(limit: number, after: string | null): Promise<Namespace[]> {
    return this.transactions.read((tx) => this.namespaces.list(tx, limit, after));
  }

  /** Makes it or replaces all that it says. The same again changes nothing, the revision neither. 412; 422 unknown_secret. */
  async put(name: string, wanted: WantedNamespace, by: string, expected: IfMatch): Promise<{ namespace: Namespace; created: boolean }> {
    return this.transactions.run(async (tx) => {
      let current = await this.namespaces.findForUpdate(tx, name);
      if (current === null) {
        checkIfMatch(expected, null);
        const content = { ...wanted, variables: withKeptSecrets(wanted.variables, {}) };
        if (await this.namespaces.insert(tx, name, content)) {
          await this.noteChange(tx, name, null, content, by);
          return { namespace: await this.require(tx, name), created: true };
        }
        current = await this.namespaces.findForUpdate(tx, name);
      }
      checkIfMatch(expected, current && namespaceEtag(current));
      if (current === null) throw notFound(name);
      const content = { ...wanted, variables: withKeptSecrets(wanted.variables, current.variables) };
      if (!isDeepStrictEqual(contentOf(current), content)) {
        await this.namespaces.update(tx, name, content);
        await this.noteChange(tx, name, current, content, by);
      }
      return { namespace: await this.require(tx, name), created: false };
    });
  }

  /** 404 namespace_not_found, 409 namespace_reserved, 409 namespace_in_use, 412. */
  async delete(name: string, by: string, expected: IfMatch): Promise<void> {
    await this.transactions.run(async (tx) => {
      const current = await this.namespaces.findForUpdate(tx, name);
      if (current === null) throw notFound(name);
      checkIfMatch(expected, namespaceEtag(current));
      if (name === DEFAULT_NAMESPACE) throw new DomainError('conflict', 'namespace_reserved', `Namespace ${name} always exists.`);
      await this.namespaces.delete(tx, name);
      await this.audit.write(tx, { namespace: name, by, action: 'namespace_deleted', subject: name, detail: {} });
    });
  }

  /** Which variables have changed, and never to what. */
  private async noteChange(tx: Transaction, name: string, before: Namespace | null, after: NamespaceContent, by: string): Promise<void> {
    const { environment, defaultInstances } = after;
    const detail = { environment, defaultInstances, changedVariables: changedNames(before?.variables ?? {}, after.variables) };
    await this.audit.write(tx, { namespace: name, by, action: before ? 'namespace_changed' : 'namespace_made', subject: name, detail });
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

function contentOf({ description, labels, environment, variables, defaultInstances }: Namespace): NamespaceContent {
  return { description, labels, environment, variables, defaultInstances };
}
