import { Injectable } from '@nestjs/common';
import { Transactions } from '../database/transaction.js';
import { FreezeGuard, type GuardedAuthor } from '../freezes/freeze-guard.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, etagOf, type IfMatch } from '../http/etag.js';
import { Propagation } from '../publishing/propagation.js';
import { RouteChanges } from '../publishing/route-changes.js';
import { type Alias, isReservedAlias } from './app.js';
import { AppsRepository } from './apps.repository.js';
import { requireApp } from './apps.service.js';

/** They are all in the app's route document, and in the answer for a version. */
const MAX_ALIASES = 1_000;

@Injectable()
export class AliasesService {
  constructor(
    private readonly transactions: Transactions,
    private readonly repository: AppsRepository,
    private readonly routes: RouteChanges,
    private readonly propagation: Propagation,
    private readonly freezes: FreezeGuard,
  ) {}

  list(namespace: string, app: string, limit: number, after: string | null): Promise<Alias[]> {
    return this.transactions.read(async (tx) => {
      await requireApp(tx, this.repository, namespace, app);
      return this.repository.listAliases(tx, namespace, app, limit, after);
    });
  }

  get(namespace: string, app: string, alias: string): Promise<Alias> {
    return this.transactions.read(async (tx) => {
      await requireApp(tx, this.repository, namespace, app);
      return (await this.repository.findAlias(tx, namespace, app, alias)) ?? missing(alias);
    });
  }

  /** 409 alias_reserved, too_many_aliases, frozen (where it moves); 422 unknown_version. */
  async put(
    namespace: string,
    app: string,
    alias: string,
    version: number,
    ifMatch: IfMatch,
    waitMs: number,
    author: GuardedAuthor,
  ): Promise<{ alias: Alias; created: boolean }> {
    if (isReservedAlias(alias))
      throw new DomainError(
        'conflict',
        'alias_reserved',
        `${alias} cannot be an alias: \`latest\` and numbers have a meaning of their own.`,
      );
    const result = await this.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      await requireApp(tx, this.repository, namespace, app);
      const current = await this.repository.findAlias(tx, namespace, app, alias);
      checkIfMatch(ifMatch, current && aliasEtag(current));
      if (!(await this.repository.findVersion(tx, namespace, app, version))) {
        throw new DomainError('unprocessable', 'unknown_version', `${app} has no version ${version}.`);
      }
      if (!current && (await this.repository.countAliases(tx, namespace, app)) >= MAX_ALIASES)
        throw new DomainError('conflict', 'too_many_aliases', `${app} has ${MAX_ALIASES} aliases already; delete some first.`);
      if (current && current.version !== version)
        await this.freezes.check(tx, { namespace, change: 'alias', subject: `${app}/aliases/${alias}`, ...author });
      const stored = await this.repository.putAlias(tx, namespace, app, alias, version);
      return { alias: stored, created: current === null, routeRevision: await this.routes.commit(tx, namespace, app) };
    });
    await this.propagation.waitFor({ routeRevision: result.routeRevision, namespace, app }, waitMs);
    return result;
  }

  async delete(namespace: string, app: string, alias: string, ifMatch: IfMatch, waitMs: number): Promise<void> {
    const routeRevision = await this.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      await requireApp(tx, this.repository, namespace, app);
      const current = (await this.repository.findAlias(tx, namespace, app, alias)) ?? missing(alias);
      checkIfMatch(ifMatch, aliasEtag(current));
      await this.repository.deleteAlias(tx, namespace, app, alias);
      return this.routes.commit(tx, namespace, app);
    });
    await this.propagation.waitFor({ routeRevision, namespace, app }, waitMs);
  }
}

export function aliasEtag(alias: Alias): string {
  return etagOf(alias.revision, alias.updatedAt);
}

function missing(alias: string): never {
  throw new DomainError('not_found', 'alias_not_found', `There is no alias ${alias}.`);
}
