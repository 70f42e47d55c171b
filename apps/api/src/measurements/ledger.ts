import { appKey, type ErrorSample, type MeasuredSeries, type MeasurementFrame } from '@app-fabric/contracts';
import {
  account,
  addMeasures,
  type Baseline,
  bucketsFor,
  type Measures,
  type Resolution,
  type RolledUp,
  requestsOf,
} from '@app-fabric/measurement';

/** A source that was silent for longer is forgotten, with its baselines. */
export const SOURCE_RETENTION_MS = 7 * 86_400_000;
/** A series that says nothing new is written again so often, to be known as alive. */
const REFRESH_MS = 5_000;

/** What is counted for itself. */
export interface Place {
  namespace: string;
  app: string;
  service: string;
  version: number | null;
  /** Null: the version as a whole. */
  instance: string | null;
}

export interface StoredBaseline extends Baseline, Place {
  source: string;
  series: number;
  inFlight: number;
  seenAtMs: number;
}

/** One bucket of time of one place. */
export interface Bucket extends Place {
  resolution: Resolution;
  atMs: number;
  measures: Measures;
}

export interface CountedError extends Omit<ErrorSample, 'ageMs'> {
  runId: string | null;
  source: string;
  sequence: number;
  position: number;
  atMs: number;
}

/** What was counted of a version since somebody began to observe it: no bucket of time limits it, and nothing of it is ever dropped. */
export interface Observation {
  namespace: string;
  app: string;
  version: number;
  sinceMs: number;
  measures: Measures;
}

/** What was stored before the frames came. */
export interface LedgerState {
  nowMs: number;
  rolledUp: RolledUp;
  /** Sources that are known. */
  sources: ReadonlySet<string>;
  /** `baselineKey` → last values. */
  baselines: ReadonlyMap<string, StoredBaseline>;
  /** What proxies call an instance → what users call it, and the run that it belongs to. */
  instances: ReadonlyMap<string, { instanceId: string; runId: string }>;
  /** `namespace/app` of the apps that exist: of others nothing is kept. */
  apps: ReadonlySet<string>;
  /** `observationKey` → what somebody observes. */
  observations: ReadonlyMap<string, Observation>;
}

/**
 * Accounts for frames: what each adds to which buckets, and the baselines after it. Pure; whoever calls it reads the state and writes the
 * result in one transaction, so that a frame counts exactly once however often it comes.
 */
export class Ledger {
  /** Source → proxy id. */
  readonly sources = new Map<string, string>();
  readonly baselines = new Map<string, StoredBaseline>();
  readonly errors: CountedError[] = [];
  /** Those that have changed. */
  readonly observations = new Map<string, Observation>();
  private readonly added = new Map<string, Bucket>();

  constructor(private readonly state: LedgerState) {}

  /** @param agoMs how long ago the frame was made */
  take(frame: MeasurementFrame, agoMs: number): void {
    const atMs = this.state.nowMs - agoMs;
    const isNew = !this.state.sources.has(frame.source) && !this.sources.has(frame.source);
    // Older than what is remembered: it may well have been counted and forgotten. Counting twice would be worse than not at all.
    const forgotten = isNew && frame.uptimeMs >= SOURCE_RETENTION_MS;
    this.sources.set(frame.source, frame.proxyId);
    for (const series of frame.series) this.takeSeries(frame, series, atMs, forgotten);
    for (const [position, error] of frame.errors.entries()) this.takeError(frame, error, position, atMs);
  }

  /** What is to be added to what is stored. */
  buckets(): Bucket[] {
    return [...this.added.values()];
  }

  private takeSeries(frame: MeasurementFrame, series: MeasuredSeries, atMs: number, forgotten: boolean): void {
    const { source, sequence } = frame;
    const { id, inFlight, measures, namespace, app, service, version, instance } = series;
    if (!this.state.apps.has(appKey(namespace, app))) return;
    const key = baselineKey(source, id);
    const before = this.baselines.get(key) ?? this.state.baselines.get(key) ?? null;
    // Its name is asked for once: later the instance may be gone, and what it did last still to come.
    const place = { namespace, app, service, version, instance: before === null ? this.nameOf(instance) : before.instance };
    const delta = account(before, sequence, measures);
    if (delta === null) return;
    const hasNew = requestsOf(delta) > 0 || delta.weighted > 0;
    if (hasNew && !forgotten) {
      this.add(place, atMs, delta);
      if (place.instance === null && version !== null) this.observe({ namespace, app, version }, atMs, delta);
    }
    const isFresh = before !== null && before.inFlight === inFlight && atMs - before.seenAtMs < REFRESH_MS;
    if (hasNew || !isFresh) this.baselines.set(key, { source, series: id, sequence, ...place, inFlight, seenAtMs: atMs, measures });
  }

  private takeError(frame: MeasurementFrame, { ageMs, ...error }: ErrorSample, position: number, atMs: number): void {
    if (!this.state.apps.has(appKey(error.namespace, error.app))) return;
    const { source, sequence } = frame;
    const runId = this.state.instances.get(error.instance ?? '')?.runId ?? null;
    const instance = this.nameOf(error.instance);
    this.errors.push({ ...error, instance, runId, source, sequence, position, atMs: Math.round(atMs - ageMs) });
  }

  /** One that is not known any more keeps the name that the proxy has for it. */
  private nameOf(instance: string | null): string | null {
    return instance === null ? null : (this.state.instances.get(instance)?.instanceId ?? instance);
  }

  /** What was counted before the observation began does not belong to it. */
  private observe(version: Pick<Observation, 'namespace' | 'app' | 'version'>, countedAtMs: number, measures: Measures): void {
    const key = observationKey(version);
    const known = this.observations.get(key) ?? this.state.observations.get(key);
    if (known && countedAtMs >= known.sinceMs) this.observations.set(key, { ...known, measures: addMeasures(known.measures, measures) });
  }

  private add(place: Place, countedAtMs: number, measures: Measures): void {
    for (const { resolution, atMs } of bucketsFor(countedAtMs, this.state.nowMs, this.state.rolledUp)) {
      // Instances come and go: they are not kept for months.
      if (resolution === 3_600 && place.instance !== null) continue;
      const bucket = { ...place, resolution, atMs };
      const key = bucketKey(bucket);
      const known = this.added.get(key);
      this.added.set(key, { ...bucket, measures: known ? addMeasures(known.measures, measures) : measures });
    }
  }
}

export function baselineKey(source: string, series: number): string {
  return `${source}/${series}`;
}

export function observationKey({ namespace, app, version }: Pick<Observation, 'namespace' | 'app' | 'version'>): string {
  return `${namespace}/${app}/${version}`;
}

export function bucketKey({ namespace, app, resolution, atMs, service, version, instance }: Omit<Bucket, 'measures'>): string {
  return `${namespace}/${app}/${resolution}/${atMs}/${service}/${version ?? 0}/${instance ?? ''}`;
}
