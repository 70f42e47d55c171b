import { Injectable } from '@nestjs/common';
import type { AppVersion } from '../apps/app.js';
import { AppVersionsService, versionEtag } from '../apps/app-versions.service.js';
import { ArtifactReader, type ProgramSpec } from '../artifacts/artifact-reader.js';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import type { ProgramRef, ProgramType, Run, RunInstance } from './run.js';
import { RunsRepository } from './runs.repository.js';

export interface Program {
  ref: ProgramRef;
  spec: ProgramSpec;
  version: AppVersion;
  bundleSha256: string | null;
}

export interface RunDetails {
  run: Run;
  instances: RunInstance[];
}

/** What programs an app version has, and what ran of them. */
@Injectable()
export class ProgramsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly versions: AppVersionsService,
    private readonly artifacts: ArtifactReader,
    private readonly runs: RunsRepository,
  ) {}

  /** Every program of the version with its active or else its last run. */
  list(namespace: string, app: string, version: string): Promise<{ program: Program; last: Run | null }[]> {
    return this.transactions.read(async (tx) => {
      const programs = await this.programsOf(tx, namespace, app, version);
      const listed = [];
      for (const program of programs) listed.push({ program, last: await this.runs.latest(tx, program.ref) });
      return listed;
    });
  }

  /** 404 version_not_found, service_not_found / worker_not_found / flow_not_found. */
  async require(tx: Transaction, namespace: string, app: string, version: string, type: ProgramType, name: string): Promise<Program> {
    const programs = await this.programsOf(tx, namespace, app, version);
    const program = programs.find(({ ref }) => ref.type === type && ref.name === name);
    if (!program) throw new DomainError('not_found', `${type}_not_found`, `Version ${version} of ${app} has no ${type} ${name}.`);
    return program;
  }

  /** The tag of the app version itself, as GET of it has it. */
  async versionEtag(tx: Transaction, { namespace, app, version }: { namespace: string; app: string; version: string }): Promise<string> {
    const found = await this.versions.describe(tx, namespace, app, version);
    return versionEtag(found.version, found.aliases);
  }

  async programsOf(tx: Transaction, namespace: string, app: string, versionOrAlias: string): Promise<Program[]> {
    const version = await this.versions.resolve(tx, namespace, app, versionOrAlias);
    const artifact = await this.artifacts.find(tx, namespace, version.artifact.name, version.artifact.version);
    if (!artifact)
      throw new Error(`artifact ${version.artifact.name} ${version.artifact.version} is gone although version ${version.version} uses it`);
    return artifact.programs.map((spec) => ({
      ref: { namespace, app, version: version.version, type: spec.type, name: spec.name },
      spec,
      version,
      bundleSha256: artifact.bundleSha256,
    }));
  }

  runList(
    program: { namespace: string; app: string; version: string; type: ProgramType; name: string },
    limit: number,
    before: RunCursor | null,
  ): Promise<RunDetails[]> {
    return this.transactions.read(async (tx) => {
      const { ref } = await this.require(tx, program.namespace, program.app, program.version, program.type, program.name);
      const runs = await this.runs.list(tx, ref, limit, before);
      const instances = await this.runs.instances(
        tx,
        runs.map(({ runId }) => runId),
      );
      return runs.map((run) => ({ run, instances: instances.filter(({ runId }) => runId === run.runId) }));
    });
  }

  /** 404 run_not_found when this program had no such run. */
  getRun(
    program: { namespace: string; app: string; version: string; type: ProgramType; name: string },
    runId: string,
  ): Promise<RunDetails> {
    return this.transactions.read(async (tx) => {
      const { ref } = await this.require(tx, program.namespace, program.app, program.version, program.type, program.name);
      const run = UUID.test(runId) ? await this.runs.find(tx, runId) : null;
      if (!run || !sameProgram(run.program, ref))
        throw new DomainError('not_found', 'run_not_found', `${ref.type} ${ref.name} has no run ${runId}.`);
      return { run, instances: await this.runs.instances(tx, [runId]) };
    });
  }

  details(runId: string): Promise<RunDetails> {
    return this.transactions.read(async (tx) => {
      const run = await this.runs.find(tx, runId);
      if (!run) throw new DomainError('not_found', 'run_not_found', `There is no run ${runId}.`);
      return { run, instances: await this.runs.instances(tx, [runId]) };
    });
  }
}

export interface RunCursor {
  createdAt: string;
  runId: string;
}

/** The key of a run in a list, and back. 400 invalid_cursor. */
export function runCursor({ createdAt, runId }: Run): string {
  return `${createdAt.toISOString()} ${runId}`;
}

export function parseRunCursor(text: string): RunCursor {
  const [createdAt = '', runId = ''] = text.split(' ', 2);
  // Date takes much that PostgreSQL does not ("1", the year 275760): only what runCursor writes is a cursor.
  const isOurs = /^\d{4}-/.test(createdAt) && !Number.isNaN(Date.parse(createdAt)) && new Date(createdAt).toISOString() === createdAt;
  if (!isOurs || !UUID.test(runId)) {
    throw new DomainError('malformed', 'invalid_cursor', 'The cursor must be the nextCursor of an earlier answer of this list.');
  }
  return { createdAt, runId };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function sameProgram(a: ProgramRef, b: ProgramRef): boolean {
  return a.namespace === b.namespace && a.app === b.app && a.version === b.version && a.type === b.type && a.name === b.name;
}
