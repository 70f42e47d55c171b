import { randomUUID } from 'node:crypto';
import { type ErrorSample, FRAME_BOUNDS, type MeasuredSeries, type MeasurementFrame } from '@app-fabric/contracts';
import { type MeteredSeries, type TrafficMeters, toMeasuredSeries } from './traffic-meters.js';

/** After a change a series is in so many frames more: that one of them is lost changes nothing, even when the proxy ends soon after. */
const REPEATS = 15;
/** Every series is in one of so many frames in a row, changed or not: it is known as alive. */
const REFRESH_EVERY = 60;
/** A series that has not changed for so many frames, an hour, is given up. */
const FORGET_AFTER = 3_600;
/** A frame is cut before it gets much larger. Characters, estimated. */
const FRAME_CHARACTERS = 64 * 1_024;
/** Of one version in one frame: a version that fails a lot must not hide what others do. */
const SAMPLES_PER_VERSION = 10;

/** A frame of this process as it is now; the proxy adds who it is. */
export type DraftFrame = Omit<MeasurementFrame, 'proxyId' | 'ageMs'>;

/** An error as it ends. */
export interface FailedRequest extends Omit<ErrorSample, 'ageMs'> {
  /** As `now()`. */
  endedAtMs: number;
}

interface Progress {
  ended: number;
  inFlight: number;
  /** In the count of {@link FrameSource.take}. */
  changedAt: number;
}

/** Makes frames of what the meters hold, to be asked once a second. */
export class FrameSource {
  readonly #source = randomUUID();
  readonly #startedAtMs: number;
  readonly #progress = new WeakMap<MeteredSeries, Progress>();
  #sequence = 0;
  #taken = 0;
  #failed: FailedRequest[] = [];

  /** @param now milliseconds, monotonic */
  constructor(
    private readonly meters: TrafficMeters,
    private readonly now: () => number,
  ) {
    this.#startedAtMs = now();
  }

  /** Keeps a sample; how many errors there were is in the meters. */
  failed(request: FailedRequest): void {
    if (this.#failed.length >= FRAME_BOUNDS.errors) return;
    let same = 0;
    for (const { service, version, app } of this.#failed)
      if (app === request.app && service === request.service && version === request.version) same += 1;
    if (same < SAMPLES_PER_VERSION) this.#failed.push(request);
  }

  /** What there is to say: nothing, or as many frames as it takes. */
  take(): DraftFrame[] {
    this.#taken += 1;
    const nowMs = this.now();
    const errors = this.#failed.map(({ endedAtMs, ...error }): ErrorSample => ({ ...error, ageMs: Math.max(0, nowMs - endedAtMs) }));
    this.#failed = [];
    const frames: DraftFrame[] = [];
    for (const series of this.#parts()) frames.push(this.#frame(nowMs, series, []));
    if (errors.length > 0) frames.push(this.#frame(nowMs, [], errors));
    if (this.#taken % REFRESH_EVERY === 0)
      this.meters.forget((series) => this.#taken - (this.#progress.get(series)?.changedAt ?? this.#taken) > FORGET_AFTER);
    return frames;
  }

  #frame(nowMs: number, series: MeasuredSeries[], errors: ErrorSample[]): DraftFrame {
    this.#sequence += 1;
    return { format: 1, source: this.#source, sequence: this.#sequence, uptimeMs: nowMs - this.#startedAtMs, series, errors };
  }

  *#parts(): Iterable<MeasuredSeries[]> {
    let part: MeasuredSeries[] = [];
    let characters = 0;
    for (const metered of this.meters.all()) {
      if (!this.#isDue(metered)) continue;
      const series = toMeasuredSeries(metered);
      part.push(series);
      characters += estimate(series);
      if (characters < FRAME_CHARACTERS && part.length < FRAME_BOUNDS.series) continue;
      yield part;
      part = [];
      characters = 0;
    }
    if (part.length > 0) yield part;
  }

  #isDue(series: MeteredSeries): boolean {
    const { ended, inFlight } = series.meter;
    let progress = this.#progress.get(series);
    if (progress === undefined) {
      progress = { ended: -1, inFlight: 0, changedAt: 0 };
      this.#progress.set(series, progress);
    }
    if (progress.ended !== ended || progress.inFlight !== inFlight) {
      progress.ended = ended;
      progress.inFlight = inFlight;
      progress.changedAt = this.#taken;
    }
    return inFlight > 0 || this.#taken - progress.changedAt <= REPEATS || (this.#taken + series.id) % REFRESH_EVERY === 0;
  }
}

function estimate({ namespace, app, service, instance, measures }: MeasuredSeries): number {
  const names = namespace.length + app.length + service.length + (instance?.length ?? 0);
  return 400 + names + 5 * (measures.latency.counts.length + measures.upstream.counts.length);
}
