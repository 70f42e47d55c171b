import { Injectable } from '@nestjs/common';
import type { AppVersion } from '../apps/app.js';
import { AppVersionsService } from '../apps/app-versions.service.js';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { MetricsReader } from '../measurements/metrics-reader.js';
import { resolutionFor } from '../measurements/metrics-window.js';
import type { Stage } from '../pipelines/pipeline.js';
import { PipelinesRepository } from '../pipelines/pipelines.repository.js';
import { ValidationsRepository } from '../validations/validations.repository.js';
import { type Interval, type MeasuredTraffic, type Missing, missingFor } from './criteria.js';
import { PromotionsRepository } from './promotions.repository.js';

/** Less than the shortest bucket cannot be asked for, more than 90 days is not kept. */
const SHORTEST_WINDOW_MS = 10_000;
const LONGEST_WINDOW_MS = 90 * 86_400_000;

/** From where to where a version is to move. */
export interface PromotionStep {
  pipeline: string;
  version: AppVersion;
  stage: Stage;
  next: Stage;
}

export interface StepRequest {
  namespace: string;
  app: string;
  version: number;
  pipeline: string;
}

/** Finds the step that a version would take, and what it lacks for it. */
@Injectable()
export class PromotionJudge {
  constructor(
    private readonly transactions: Transactions,
    private readonly pipelines: PipelinesRepository,
    private readonly versions: AppVersionsService,
    private readonly promotions: PromotionsRepository,
    private readonly validations: ValidationsRepository,
    private readonly metrics: MetricsReader,
  ) {}

  /** What was counted of the version, as far as its stage asks for it; null: not asked for, or it never ran. Errors: those of {@link judge}. */
  async traffic(request: StepRequest): Promise<MeasuredTraffic | null> {
    const { namespace, app, version } = request;
    const { step, ran } = await this.transactions.read(async (tx) => ({
      step: await this.step(tx, request),
      ran: await this.promotions.intervals(tx, namespace, app, version),
    }));
    const asked = Object.keys(step.stage.criteria.metrics).length > 0;
    return asked && ran.length > 0 ? this.trafficSince(step.version, firstOf(ran), new Date()) : null;
  }

  /** The next step, and what the version lacks for it. Errors: those of {@link step}. `traffic`: see there. */
  async judge(
    tx: Transaction,
    request: StepRequest,
    traffic: MeasuredTraffic | null,
    approved: boolean,
  ): Promise<{ step: PromotionStep; missing: Missing[] }> {
    const { namespace, app, version } = request;
    const step = await this.step(tx, request);
    const ran = await this.promotions.intervals(tx, namespace, app, version);
    const checks = await this.validations.results(tx, namespace, app, version);
    const facts = { ran, traffic, checks, rejection: step.version.rejection, approved };
    return { step, missing: missingFor(step.stage, step.next, facts, new Date()) };
  }

  /**
   * 404 app_not_found, version_not_found; 422 unknown_pipeline, namespace_not_in_pipeline, unknown_namespace (names all that are missing);
   * 409 last_stage, already_promoted (names what came of it).
   */
  private async step(tx: Transaction, { namespace, app, version, pipeline: name }: StepRequest): Promise<PromotionStep> {
    const found = await this.versions.resolve(tx, namespace, app, String(version));
    const pipeline = await this.pipelines.find(tx, name);
    if (!pipeline) throw new DomainError('unprocessable', 'unknown_pipeline', `There is no pipeline ${name}.`);
    const index = pipeline.stages.findIndex((stage) => stage.namespace === namespace);
    const [stage, next] = index < 0 ? [] : pipeline.stages.slice(index, index + 2);
    if (!stage) throw new DomainError('unprocessable', 'namespace_not_in_pipeline', `Pipeline ${name} has no stage in ${namespace}.`);
    if (!next) throw new DomainError('conflict', 'last_stage', `${namespace} is the last stage of pipeline ${name}.`);
    await this.requireNamespaces(tx, name, pipeline.stages);
    const existing = await this.promotions.target(tx, app, { namespace, version }, next.namespace);
    if (existing) {
      const detail = `Version ${version} of ${app} is version ${existing.version} in ${existing.namespace} already.`;
      throw new DomainError('conflict', 'already_promoted', detail, { members: { existing: { ...existing, app } } });
    }
    return { pipeline: name, version: found, stage, next };
  }

  private async requireNamespaces(tx: Transaction, pipeline: string, stages: readonly Stage[]): Promise<void> {
    const names = stages.map(({ namespace }) => namespace);
    const existing = await this.pipelines.existingNamespaces(tx, names);
    const missing = names.filter((name) => !existing.includes(name));
    if (missing.length === 0) return;
    const detail = `Pipeline ${pipeline} needs ${missing.length > 1 ? 'namespaces' : 'namespace'} ${missing.join(', ')}, not there yet.`;
    throw new DomainError('unprocessable', 'unknown_namespace', detail, { members: { missingNamespaces: missing } });
  }

  /** Of all its requests since then. */
  private async trafficSince({ namespace, app, version }: AppVersion, since: Date, now: Date): Promise<MeasuredTraffic> {
    const windowMs = Math.min(Math.max(now.getTime() - since.getTime(), SHORTEST_WINDOW_MS), LONGEST_WINDOW_MS);
    const resolution = resolutionFor(windowMs, false);
    if (resolution === null) throw new Error(`nothing is kept for ${windowMs} ms`);
    const question = { windowMs, stepMs: null, resolution, by: 'version', version, service: null } as const;
    const [group] = (await this.metrics.read({ namespace, app }, question)).groups;
    if (!group) return { requests: 0, errorRate: null, availability: null, latencyMs: { p50: null, p99: null } };
    const { requests, errorRate, availability, latencyMs } = group.summary;
    return { requests, errorRate, availability, latencyMs };
  }
}

function firstOf(ran: readonly Interval[]): Date {
  return new Date(Math.min(...ran.map(({ from }) => from.getTime())));
}
