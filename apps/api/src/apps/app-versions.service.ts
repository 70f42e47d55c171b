import { parseVersion } from '@app-fabric/routing';
import { Injectable } from '@nestjs/common';
import { ArtifactReader } from '../artifacts/artifact-reader.js';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, type IfMatch } from '../http/etag.js';
import { RunsRepository } from '../programs/runs.repository.js';
import { RouteChanges } from '../publishing/route-changes.js';
import { type AppVersion, DEFAULT_ROUTING, versionsNamedBy } from './app.js';
import { AppsRepository } from './apps.repository.js';
import { requireApp, requireNamespace } from './apps.service.js';

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

  /** The app's next version, made from an artifact; makes the app if it is new. 422 unknown_artifact. */
  create(namespace: string, app: string, wanted: NewAppVersion, by: string): Promise<AppVersion> {
    return this.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      await requireNamespace(tx, this.repository, namespace);
      if (!(await this.artifacts.find(tx, namespace, wanted.artifact.name, wanted.artifact.version))) {
        const { name, version } = wanted.artifact;
        throw new DomainError(
          'unprocessable',
          'unknown_artifact',
          `There is no version ${version} of artifact ${name} in namespace ${namespace}.`,
        );
      }
      if (!(await this.repository.find(tx, namespace, app))) await this.repository.insert(tx, namespace, app, null, DEFAULT_ROUTING);
      const version = await this.repository.nextVersion(tx, namespace, app);
      const made = await this.repository.insertVersion(tx, { namespace, app, version, ...wanted, createdBy: by });
      await this.routes.commit(tx, namespace, app);
      return made;
    });
  }

  list(namespace: string, app: string, limit: number, before: number | null): Promise<AppVersion[]> {
    return this.transactions.read(async (tx) => {
      await requireApp(tx, this.repository, namespace, app);
      return this.repository.listVersions(tx, namespace, app, limit, before);
    });
  }

  get(namespace: string, app: string, versionOrAlias: string): Promise<{ version: AppVersion; aliases: string[] }> {
    return this.transactions.read(async (tx) => {
      const version = await this.resolve(tx, namespace, app, versionOrAlias);
      return { version, aliases: await this.repository.aliasesOf(tx, namespace, app, version.version) };
    });
  }

  /** 409 version_in_use while anything of it runs, or an alias or the app's routing names it. */
  async delete(namespace: string, app: string, versionOrAlias: string, ifMatch: IfMatch): Promise<void> {
    await this.transactions.run(async (tx) => {
      await this.routes.lock(tx);
      const { version } = await this.resolve(tx, namespace, app, versionOrAlias);
      checkIfMatch(ifMatch, VERSION_ETAG);
      await this.repository.lockVersion(tx, namespace, app, version);
      const [run] = await this.runs.activeOfVersion(tx, namespace, app, version);
      if (run)
        throw new DomainError(
          'conflict',
          'version_in_use',
          `${run.program.type} ${run.program.name} of version ${version} is ${run.status}; stop it first.`,
        );
      const [alias] = await this.repository.aliasesOf(tx, namespace, app, version);
      if (alias) throw new DomainError('conflict', 'version_in_use', `Alias ${alias} names version ${version}; move or delete it first.`);
      const { routing } = await requireApp(tx, this.repository, namespace, app);
      const where = versionsNamedBy(routing).get(version);
      if (where !== undefined)
        throw new DomainError('conflict', 'version_in_use', `${where} of ${app} names version ${version}; change the app's routing first.`);
      await this.repository.deleteVersion(tx, namespace, app, version);
      await this.routes.commit(tx, namespace, app);
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

/** A version never changes once it is made. */
export const VERSION_ETAG = '"1"';
