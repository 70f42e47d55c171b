import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { AuditRepository } from '../audit/audit.repository.js';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, etagOf, type IfMatch } from '../http/etag.js';
import { DEFAULT_PIPELINE, type Pipeline, type PipelineContent, type Stage } from './pipeline.js';
import { PipelinesRepository } from './pipelines.repository.js';

const MAX_PIPELINES = 200;

@Injectable()
export class PipelinesService {
  constructor(
    private readonly transactions: Transactions,
    private readonly repository: PipelinesRepository,
    private readonly audit: AuditRepository,
  ) {}

  list(limit: number, after: string | null): Promise<Pipeline[]> {
    return this.transactions.read((tx) => this.repository.list(tx, limit, after));
  }

  get(name: string): Promise<Pipeline> {
    return this.transactions.read((tx) => this.require(tx, name));
  }

  /** The same again changes nothing. Its namespaces need not exist yet: a promotion asks for them. 409 too_many_pipelines. */
  put(name: string, wanted: PipelineContent, by: string, ifMatch: IfMatch): Promise<{ pipeline: Pipeline; created: boolean }> {
    return this.transactions.run(async (tx) => {
      await this.repository.lock(tx);
      const before = await this.repository.find(tx, name);
      checkIfMatch(ifMatch, before && pipelineEtag(before));
      if (before && isDeepStrictEqual({ description: before.description, stages: before.stages }, wanted))
        return { pipeline: before, created: false };
      if (!before && (await this.repository.count(tx)) >= MAX_PIPELINES)
        throw new DomainError('conflict', 'too_many_pipelines', `There are ${MAX_PIPELINES} pipelines already; delete some first.`);
      const pipeline = await this.repository.put(tx, name, wanted, by);
      await this.note(tx, name, [...(before?.stages ?? []), ...wanted.stages], by, { revision: pipeline.revision });
      return { pipeline, created: before === null };
    });
  }

  /** 409 pipeline_reserved for the default one: a PUT changes it. */
  async delete(name: string, by: string, ifMatch: IfMatch): Promise<void> {
    await this.transactions.run(async (tx) => {
      await this.repository.lock(tx);
      const pipeline = await this.require(tx, name);
      checkIfMatch(ifMatch, pipelineEtag(pipeline));
      if (name === DEFAULT_PIPELINE) throw new DomainError('conflict', 'pipeline_reserved', `Pipeline ${name} always exists.`);
      await this.repository.delete(tx, name);
      await this.note(tx, name, pipeline.stages, by, { deleted: true });
    });
  }

  /** In the audit of each namespace that it concerns. */
  private async note(tx: Transaction, name: string, stages: readonly Stage[], by: string, detail: Record<string, unknown>): Promise<void> {
    const concerned = await this.repository.existingNamespaces(
      tx,
      stages.map(({ namespace }) => namespace),
    );
    for (const namespace of concerned) await this.audit.write(tx, { namespace, by, action: 'pipeline_changed', subject: name, detail });
  }

  private async require(tx: Transaction, name: string): Promise<Pipeline> {
    const pipeline = await this.repository.find(tx, name);
    if (pipeline === null) throw new DomainError('not_found', 'pipeline_not_found', `There is no pipeline ${name}.`);
    return pipeline;
  }
}

export function pipelineEtag({ revision, createdAt }: Pipeline): string {
  return etagOf(revision, createdAt);
}
