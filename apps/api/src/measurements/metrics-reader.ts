import { addMeasures, floorTo, type Measures, noMeasures, type Summary, summarize } from '@app-fabric/measurement';
import { Injectable } from '@nestjs/common';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { type ErrorFilter, ErrorsRepository, type RecentError } from './errors.repository.js';
import type { Bucket, Place } from './ledger.js';
import { MeasurementsRepository } from './measurements.repository.js';
import { MAX_BUCKETS, MetricsRepository } from './metrics.repository.js';
import { type MetricsWindow, partsOf, windowAt } from './metrics-window.js';

export type GroupBy = 'version' | 'service' | 'instance';

export interface AppRef {
  namespace: string;
  app: string;
}

/** A question that was checked: see `resolutionFor` and `stepProblem`. */
export interface MetricsQuestion {
  windowMs: number;
  stepMs: number | null;
  resolution: MetricsWindow['resolution'];
  by: GroupBy;
  version: number | null;
  service: string | null;
}

interface Point {
  atMs: number;
  summary: Summary;
}

export interface Group {
  /** What it is not grouped by is null. */
  place: Pick<Place, 'version' | 'instance'> & { service: string | null };
  summary: Summary;
  bytesIn: number;
  bytesOut: number;
  inFlight: number;
  points: Point[] | null;
}

export interface AppMetrics {
  window: MetricsWindow;
  /** By version, service and instance. */
  groups: Group[];
}

/** Answers what the buckets hold. */
@Injectable()
export class MetricsReader {
  constructor(
    private readonly transactions: Transactions,
    private readonly measurements: MeasurementsRepository,
    private readonly metrics: MetricsRepository,
    private readonly errors: ErrorsRepository,
  ) {}

  /** 404 app_not_found; 422 too_many_series: name a service or version, or ask for less time. */
  async read(app: AppRef, question: MetricsQuestion): Promise<AppMetrics> {
    const { window, buckets, inFlight } = await this.transactions.snapshot(async (tx) => {
      await this.requireApp(tx, app);
      const { nowMs, rolledUp } = await this.measurements.progress(tx);
      const window = windowAt(nowMs, question.windowMs, question.stepMs, question.resolution);
      const filter = { ...app, ...question, instances: question.by === 'instance' };
      const buckets: Bucket[] = [];
      for (const part of partsOf(window, rolledUp)) {
        buckets.push(...(await this.metrics.buckets(tx, filter, part)));
        if (buckets.length > MAX_BUCKETS) throw tooMany();
      }
      return { window, buckets, inFlight: await this.metrics.inFlight(tx, filter, nowMs) };
    });
    return { window, groups: groupsOf(window, buckets, inFlight, question.by) };
  }

  /** Newest first, and how many errors of the window are not in the sample. */
  async recentErrors(
    app: AppRef,
    question: MetricsQuestion,
    limit: number,
    after: { atMs: number; id: string } | null,
  ): Promise<{ items: RecentError[]; dropped: number }> {
    const metrics = await this.read(app, question);
    const filter: ErrorFilter = {
      ...app,
      version: question.version,
      service: question.service,
      fromMs: metrics.window.fromMs,
      // What ends while we look.
      toMs: metrics.window.toMs + 1,
    };
    const { items, kept } = await this.transactions.snapshot(async (tx) => ({
      items: await this.errors.list(tx, filter, limit, after),
      kept: await this.errors.count(tx, filter),
    }));
    const counted = metrics.groups.reduce((sum, { summary }) => sum + summary.errors, 0);
    return { items, dropped: Math.max(0, counted - kept) };
  }

  private async requireApp(tx: Transaction, { namespace, app }: AppRef): Promise<void> {
    if (!(await this.metrics.appExists(tx, namespace, app)))
      throw new DomainError('not_found', 'app_not_found', `There is no app ${app} in namespace ${namespace}.`);
  }
}

function groupsOf(
  window: MetricsWindow,
  buckets: readonly Bucket[],
  inFlight: readonly { place: Place; inFlight: number }[],
  by: GroupBy,
): Group[] {
  const found = new Map<string, { place: Group['place']; total: Measures; inFlight: number; byStep: Map<number, Measures> }>();
  const groupOf = (place: Place) => {
    const { version, service, instance } = place;
    const key = JSON.stringify([version ?? 0, by === 'version' ? null : service, by === 'instance' ? instance : null]);
    const known = found.get(key);
    if (known) return known;
    const shown = { version, service: by === 'version' ? null : service, instance: by === 'instance' ? instance : null };
    const made = { place: shown, total: noMeasures(), inFlight: 0, byStep: new Map<number, Measures>() };
    found.set(key, made);
    return made;
  };
  for (const bucket of buckets) {
    const group = groupOf(bucket);
    group.total = addMeasures(group.total, bucket.measures);
    if (window.stepMs === null) continue;
    const atMs = floorTo(bucket.atMs, window.stepMs / 1_000);
    group.byStep.set(atMs, addMeasures(group.byStep.get(atMs) ?? noMeasures(), bucket.measures));
  }
  for (const { place, inFlight: count } of inFlight) groupOf(place).inFlight += count;
  const seconds = (window.toMs - window.fromMs) / 1_000;
  return [...found.values()]
    .map(
      ({ place, total, inFlight: running, byStep }): Group => ({
        place,
        summary: summarize(total, seconds),
        bytesIn: total.bytesIn,
        bytesOut: total.bytesOut,
        inFlight: running,
        points: window.stepMs === null ? null : pointsOf(window, window.stepMs, byStep),
      }),
    )
    .sort((a, b) => compare(a.place, b.place));
}

/** Every step of the window, those without requests too. */
function pointsOf(window: MetricsWindow, stepMs: number, byStep: ReadonlyMap<number, Measures>): Point[] {
  const points: Point[] = [];
  for (let atMs = window.fromMs; atMs < window.toMs; atMs += stepMs) {
    const seconds = Math.min(stepMs, window.toMs - atMs) / 1_000;
    points.push({ atMs, summary: summarize(byStep.get(atMs) ?? noMeasures(), seconds) });
  }
  return points;
}

function compare(a: Group['place'], b: Group['place']): number {
  if (a.version !== b.version) return (a.version ?? 0) - (b.version ?? 0);
  const [left, right] = [`${a.service}/${a.instance}`, `${b.service}/${b.instance}`];
  return left < right ? -1 : left > right ? 1 : 0;
}

function tooMany(): DomainError {
  return new DomainError(
    'unprocessable',
    'too_many_series',
    'This is more than one answer holds: name a version or service, or ask for less time.',
  );
}
