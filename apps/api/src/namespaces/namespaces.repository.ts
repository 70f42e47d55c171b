import { Injectable } from '@nestjs/common';
import { MoreThan } from 'typeorm';
import { isForeignKeyViolation } from '../database/database-error.js';
import { entityManager, query, type Transaction } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { NamespaceEntity } from './namespace.entity.js';
import type { Namespace, NamespaceContent } from './namespace.js';

@Injectable()
export class NamespacesRepository {
  async find(tx: Transaction, name: string): Promise<Namespace | null> {
    return entityManager(tx).findOneBy(NamespaceEntity, { name });
  }

  /** Locked against other writers until the transaction ends. */
  async findForUpdate(tx: Transaction, name: string): Promise<Namespace | null> {
    return entityManager(tx).findOne(NamespaceEntity, { where: { name }, lock: { mode: 'pessimistic_write' } });
  }

  /** By name, those after `after`. */
  async list(tx: Transaction, limit: number, after: string | null): Promise<Namespace[]> {
    const where = after === null ? {} : { name: MoreThan(after) };
    return entityManager(tx).find(NamespaceEntity, { where, order: { name: 'ASC' }, take: limit });
  }

  /** False when somebody else has made it meanwhile. */
  async insert(tx: Transaction, name: string, content: NamespaceContent): Promise<boolean> {
    const rows = await query(
      tx,
      `INSERT INTO namespaces (name, description, labels, environment, variables, default_instances) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (name) DO NOTHING RETURNING name`,
      [name, ...values(content)],
    );
    return rows.length > 0;
  }

  async update(tx: Transaction, name: string, content: NamespaceContent): Promise<void> {
    await query(
      tx,
      `UPDATE namespaces SET description = $2, labels = $3, environment = $4, variables = $5, default_instances = $6,
         revision = revision + 1, updated_at = now() WHERE name = $1`,
      [name, ...values(content)],
    );
  }

  /** 409 namespace_in_use while an app or artifact is in it. */
  async delete(tx: Transaction, name: string): Promise<void> {
    try {
      await entityManager(tx).delete(NamespaceEntity, { name });
    } catch (error) {
      if (!isForeignKeyViolation(error)) throw error;
      throw new DomainError('conflict', 'namespace_in_use', `Namespace ${name} still has apps or artifacts.`, { cause: error });
    }
  }
}

function values({ description, labels, environment, variables, defaultInstances }: NamespaceContent): unknown[] {
  return [description, JSON.stringify(labels), environment, JSON.stringify(variables), defaultInstances];
}
