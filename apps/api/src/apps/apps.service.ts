import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { type Transaction, Transactions } from '../database/transaction.js';
import { FreezeGuard, type GuardedAuthor } from '../freezes/freeze-guard.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, etagOf, type IfMatch } from '../http/etag.js';
import { Propagation } from '../publishing/propagation.js';
import { RouteChanges } from '../publishing/route-changes.js';
import { type App, DEFAULT_ROUTING, type Routing, versionsNamedBy } from './app.js';
import { AppsRepository } from './apps.repository.js';

export interface AppPatch {
  description: string | null;
  routing: Partial<Routing>;
}

@Injectable()
export class AppsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly repository: AppsRepository,
    private readonly routes: RouteChanges,
    private readonly propagation: Propagation,
    private readonly freezes: FreezeGuard,
  ) {}

  list(namespace: string, limit: number, after: string | null): Promise<App[]> {
    return this.transactions.read(async (tx) => {
      await requireNamespace(tx, this.repository, namespace);
      return this.repository.list(tx, namespace, limit, after);
    });
  }

  get(namespace: string, name: string): Promise<App> {
    return this.transactions.read((tx) => requireApp(tx, this.repository, namespace, name));
  }

  /** Makes the app or replaces its settings; what `patch.routing` leaves out gets its default. 409 frozen (where requests would go otherwise); 422 unknown_version. */
  async put(
    namespace: string,
    name: string,
    patch: AppPatch,
    ifMatch: IfMatch,
    waitMs: number,
    author: GuardedAuthor,
  ): Promise<{ app: App; created: boolean }> {
    const routing: Routing = { ...DEFAULT_ROUTING, ...patch.routing };
    const result = await this.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      await requireNamespace(tx, this.repository, namespace, 'FOR KEY SHARE');
      const current = await this.repository.find(tx, namespace, name);
      checkIfMatch(ifMatch, current && appEtag(current));
      await this.requireVersions(tx, namespace, name, routing);
      if (current && goesOtherwise(current.routing, routing))
        await this.freezes.check(tx, { namespace, change: 'routing', subject: name, ...author });
      const app = current
        ? await this.repository.update(tx, namespace, name, patch.description, routing)
        : await this.repository.insert(tx, namespace, name, patch.description, routing);
      return { app, created: current === null, routeRevision: await this.routes.commit(tx, namespace, name) };
    });
    await this.propagation.waitFor({ routeRevision: result.routeRevision, namespace, app: name }, waitMs);
    return result;
  }

  /** 409 app_in_use while it has versions. */
  async delete(namespace: string, name: string, ifMatch: IfMatch, waitMs: number): Promise<void> {
    const routeRevision = await this.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      const app = await requireApp(tx, this.repository, namespace, name);
      checkIfMatch(ifMatch, appEtag(app));
      const [version] = await this.repository.listVersions(tx, namespace, name, 1, null);
      if (version)
        throw new DomainError('conflict', 'app_in_use', `${name} still has version ${version.version}; delete its versions first.`);
      await this.repository.delete(tx, namespace, name);
      return this.routes.commit(tx, namespace, name);
    });
    await this.propagation.waitFor({ routeRevision, namespace, app: name }, waitMs);
  }

  private async requireVersions(tx: Transaction, namespace: string, name: string, routing: Routing): Promise<void> {
    const named = versionsNamedBy(routing);
    const [unknown] = await this.repository.unknownVersions(tx, namespace, name, [...named.keys()]);
    if (unknown !== undefined)
      throw new DomainError(
        'unprocessable',
        'unknown_version',
        `${named.get(unknown)} names version ${unknown}, which ${name} does not have.`,
      );
  }
}

/** Limits only hold requests back: to throttle must always be possible. */
function goesOtherwise({ limits: _before, ...before }: Routing, { limits: _after, ...after }: Routing): boolean {
  return !isDeepStrictEqual(before, after);
}

export function appEtag(app: App): string {
  return etagOf(app.revision, app.createdAt);
}

/** `lock`: before something is made in it. 404 namespace_not_found. */
export async function requireNamespace(
  tx: Transaction,
  repository: AppsRepository,
  namespace: string,
  lock: '' | 'FOR KEY SHARE' = '',
): Promise<void> {
  if (!(await repository.namespaceExists(tx, namespace, lock))) {
    throw new DomainError('not_found', 'namespace_not_found', `There is no namespace ${namespace}.`);
  }
}

export async function requireApp(tx: Transaction, repository: AppsRepository, namespace: string, name: string): Promise<App> {
  const app = await repository.find(tx, namespace, name);
  if (app) return app;
  await requireNamespace(tx, repository, namespace);
  throw new DomainError('not_found', 'app_not_found', `There is no app ${name} in namespace ${namespace}.`);
}
