import { createHash } from 'node:crypto';
import { parseVersion } from '@app-fabric/routing';
import { Injectable } from '@nestjs/common';
import { ArtifactReader } from '../artifacts/artifact-reader.js';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, etagOf, type IfMatch } from '../http/etag.js';
import { RunsRepository } from '../programs/runs.repository.js';
import { RouteChanges } from '../publishing/route-changes.js';
import { type AppVersion, DEFAULT_ROUTING, versionsNamedBy } from './app.js';
import { AppsRepository } from './apps.repository.js';
import { appEtag, requireApp, requireNamespace } from './apps.service.js';

/** They are all in each route document of the app, which is made and sent anew with every change. */
const MAX_VERSIONS = 20_000;

export interface NewAppVersion {
  artifact: { name: string; version: string };
  config: Record<string, unknown>;
  labels: Record<string, string>;
}

@Injectable()
export class AppVersionsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly repository: AppsRepository,
    private readonly artifacts: ArtifactReader,
    private readonly runs: RunsRepository,
    private readonly routes: RouteChanges,
  ) {}

  /** The app's next version, made from an artifact; makes the app if it is new. `ifMatch` is about the app. 409 too_many_versions, 422 unknown_artifact. */
  create(
    namespace: string,
    app: string,
    wanted: NewAppVersion,
    by: string,
    ifMatch: IfMatch,
  ): Promise<{ version: AppVersion; routeRevision: number }> {
    return this.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      await requireNamespace(tx, this.repository, namespace, 'FOR KEY SHARE');
      const current = await this.repository.find(tx, namespace, app);
      checkIfMatch(ifMatch, current && appEtag(current));
      return this.createUnderLock(tx, namespace, app, wanted, by, null);
    });
  }

  /** The same as part of something else, which holds the route lock and has locked the namespace. `from`: the version that is promoted. */
  async createUnderLock(
    tx: Transaction,
    namespace: string,
    app: string,
    wanted: NewAppVersion,
    by: string,
    from: AppVersion | null,
  ): Promise<{ version: AppVersion; routeRevision: number }> {
    if (!(await this.artifacts.lock(tx, namespace, wanted.artifact.name, wanted.artifact.version))) {
      const { name, version } = wanted.artifact;
      throw new DomainError(
        'unprocessable',
        'unknown_artifact',
        `There is no version ${version} of artifact ${name} in namespace ${namespace}.`,
      );
    }
    if (!(await this.repository.find(tx, namespace, app))) await this.repository.insert(tx, namespace, app, null, DEFAULT_ROUTING);
    const number = await this.repository.nextVersion(tx, namespace, app);
    // There are at most as many versions as numbers were given out, so most of the time nothing has to be counted.
    if (number > MAX_VERSIONS && (await this.repository.countVersions(tx, namespace, app)) >= MAX_VERSIONS)
      throw new DomainError('conflict', 'too_many_versions', `${app} has ${MAX_VERSIONS} versions already; delete some first.`);
    const promotedFrom = from && { namespace: from.namespace, version: from.version };
    const line = { promotedFrom, origin: from?.origin ?? promotedFrom };
    const version = await this.repository.insertVersion(tx, { namespace, app, version: number, ...wanted, createdBy: by, ...line });
    return { version, routeRevision: await this.routes.commit(tx, namespace, app) };
  }

  list(namespace: string, app: string, limit: number, before: number | null): Promise<AppVersion[]> {
    return this.transactions.read(async (tx) => {
      await requireApp(tx, this.repository, namespace, app);
      return this.repository.listVersions(tx, namespace, app, limit, before);
    });
  }

  get(namespace: string, app: string, versionOrAlias: string): Promise<{ version: AppVersion; aliases: string[] }> {
    return this.transactions.read((tx) => this.describe(tx, namespace, app, versionOrAlias));
  }

  async describe(
    tx: Transaction,
    namespace: string,
    app: string,
    versionOrAlias: string,
  ): Promise<{ version: AppVersion; aliases: string[] }> {
    const version = await this.resolve(tx, namespace, app, versionOrAlias);
    return { version, aliases: await this.repository.aliasesOf(tx, namespace, app, version.version) };
  }

  /** 409 version_in_use while anything of it runs, an alias or the app's routing names it, a distribution gives it weight, or a release is about it. Returns the route revision. */
  delete(namespace: string, app: string, versionOrAlias: string, ifMatch: IfMatch): Promise<number> {
    return this.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      const found = await this.resolve(tx, namespace, app, versionOrAlias);
      const { version } = found;
      const aliases = await this.repository.aliasesOf(tx, namespace, app, version);
      checkIfMatch(ifMatch, versionEtag(found, aliases));
      await this.repository.lockVersion(tx, namespace, app, version);
      const [run] = await this.runs.activeOfVersion(tx, namespace, app, version);
      if (run)
        throw new DomainError(
          'conflict',
          'version_in_use',
          `${run.program.type} ${run.program.name} of version ${version} is ${run.status}; stop it first.`,
        );
      const [alias] = aliases;
      if (alias) throw new DomainError('conflict', 'version_in_use', `Alias ${alias} names version ${version}; move or delete it first.`);
      const { routing } = await requireApp(tx, this.repository, namespace, app);
      const where = versionsNamedBy(routing).get(version);
      if (where !== undefined)
        throw new DomainError('conflict', 'version_in_use', `${where} of ${app} names version ${version}; change the app's routing first.`);
      if (await this.repository.hasWeight(tx, namespace, app, version)) {
        // Nothing of it runs, but it did: a run that failed where no other version could take its share over.
        throw new DomainError('conflict', 'version_in_use', `A distribution of ${app} gives version ${version} weight; change it first.`);
      }
      if (await this.repository.isReleased(tx, namespace, app, version))
        throw new DomainError('conflict', 'version_in_use', `A release of ${app} is about version ${version}; end it first.`);
      await this.repository.deleteVersion(tx, namespace, app, version);
      return this.routes.commit(tx, namespace, app);
    });
  }

  /** The version that a path's `{v}` names: a number or an alias. 404 version_not_found. */
  async resolve(tx: Transaction, namespace: string, app: string, versionOrAlias: string): Promise<AppVersion> {
    await requireApp(tx, this.repository, namespace, app);
    const number = parseVersion(versionOrAlias) ?? (await this.repository.findAlias(tx, namespace, app, versionOrAlias))?.version ?? null;
    const version = number === null ? null : await this.repository.findVersion(tx, namespace, app, number);
    if (!version) throw new DomainError('not_found', 'version_not_found', `${app} has no version or alias ${versionOrAlias}.`);
    return version;
  }
}

/** A version never changes once it is made, and its number is never used again; which aliases name it does change, and whether it is rejected. */
export function versionEtag({ version, rejection }: AppVersion, aliases: readonly string[]): string {
  if (aliases.length === 0 && rejection === null) return etagOf(version);
  const seen = rejection === null ? aliases.join() : `${aliases.join()} ${rejection.at}`;
  return etagOf(`${version}-${createHash('sha256').update(seen).digest('hex').slice(0, 16)}`);
}
