import { ANSWER_CUT, type Ended, isError } from '@app-fabric/measurement';
import type { RouteRequests } from '../metrics/route-requests.js';
import { traceIdOf } from '../tracing/request-trace.js';
import type { ExchangeResult } from '../upstream/forwarder.js';
import type { FailedRequest } from './frame-source.js';
import { pathTemplate } from './path-template.js';
import type { MeteredSeries, TrafficMeters, VersionSeries } from './traffic-meters.js';

/** What a sample of an error says of its request. */
export interface RequestFacts {
  method: string;
  /** With query. */
  path: string;
  requestId: string;
  /** Of the trace it belongs to; null: it was no request that could be read. */
  traceparent: string | null;
}

/** The proxy ended a request that took longer than a whole request may, after its answer had begun. */
const ANSWER_LATE = 'answer_late';

export interface TrafficRecorderOptions {
  meters: TrafficMeters;
  /** Of what belongs to no service. */
  unrouted: RouteRequests;
  /** Milliseconds, monotonic. */
  now: () => number;
  onFailed(request: FailedRequest): void;
}

/** Counts requests as they begin and end. On the path of every request: what it makes for one is one record. */
export class TrafficRecorder {
  readonly meters: TrafficMeters;
  readonly #unrouted: RouteRequests;
  readonly #now: () => number;
  readonly #onFailed: (request: FailedRequest) => void;
  /** Used again for every request. */
  readonly #ended: Ended = { status: 0, proxyError: null, cut: false, bytesIn: 0, bytesOut: 0, latencyMs: 0, upstreamMs: null };

  constructor({ meters, unrouted, now, onFailed }: TrafficRecorderOptions) {
    this.meters = meters;
    this.#unrouted = unrouted;
    this.#now = now;
    this.#onFailed = onFailed;
  }

  /** A request that goes to an instance. `weighted`: the distribution decided so. */
  begin(series: VersionSeries, instance: string, startedAt: number, weighted: boolean): RequestRecord {
    const metered = this.meters.instanceOf(series, instance);
    series.meter.inFlight += 1;
    if (weighted) series.meter.weighted += 1;
    if (metered !== null) metered.meter.inFlight += 1;
    return { series, metered, instance, startedAt, attemptAt: startedAt, proxyError: null };
  }

  /** It is tried once more, because of `failure`. */
  again(record: RequestRecord, instance: string, method: string, failure: string): void {
    const now = this.#now();
    record.series.requests.of(method, 0, failure).client.add(toSeconds(now - record.attemptAt));
    if (record.metered !== null) record.metered.meter.inFlight -= 1;
    record.metered = this.meters.instanceOf(record.series, instance);
    if (record.metered !== null) record.metered.meter.inFlight += 1;
    record.instance = instance;
    record.attemptAt = now;
  }

  /** True when it was an error. */
  end(record: RequestRecord, { status, outcome, bytesIn, bytesOut }: ExchangeResult, facts: RequestFacts): boolean {
    const ended = this.#ended;
    const now = this.#now();
    ended.status = status;
    // Whose fault it is that an answer took too long, nobody knows: it is told, and is no error.
    ended.proxyError = outcome === 'late' ? ANSWER_LATE : record.proxyError;
    ended.cut = outcome === 'cut';
    ended.bytesIn = bytesIn;
    ended.bytesOut = bytesOut;
    ended.latencyMs = now - record.startedAt;
    ended.upstreamMs = now - record.attemptAt;
    const { series, metered } = record;
    series.meter.inFlight -= 1;
    const failed = series.meter.end(ended);
    if (metered !== null) {
      metered.meter.inFlight -= 1;
      metered.meter.end(ended);
    }
    const code = ended.cut ? ANSWER_CUT : record.proxyError;
    const { requests } = series;
    const shown = requests.of(facts.method, status, failed ? (code ?? String(status)) : null);
    shown.server.add(toSeconds(ended.latencyMs));
    // What the proxy answered itself is no status of the instance.
    const attempt = record.proxyError === null ? shown : requests.of(facts.method, 0, record.proxyError);
    attempt.client.add(toSeconds(ended.upstreamMs));
    if (failed) this.#failed(series, record.instance, code, status, now, facts);
    return failed;
  }

  /**
   * A request that the proxy answered without asking an instance.
   * @param series null: it belongs to no service
   * @param status as sent, 0 when the client had left
   * @returns true when it was an error
   */
  refused(series: VersionSeries | null, status: number, code: string, startedAt: number, facts: RequestFacts): boolean {
    const now = this.#now();
    const latencyMs = now - startedAt;
    const failed = isError(status, code);
    (series?.requests ?? this.#unrouted).of(facts.method, status, failed ? code : null).server.add(toSeconds(latencyMs));
    if (series === null) return failed;
    series.meter.end({ status, proxyError: code, cut: false, bytesIn: 0, bytesOut: 0, latencyMs, upstreamMs: null });
    if (failed) this.#failed(series, null, code, status, now, facts);
    return failed;
  }

  #failed(
    series: VersionSeries,
    instance: string | null,
    code: string | null,
    status: number,
    endedAtMs: number,
    facts: RequestFacts,
  ): void {
    if (series.id === 0) return; // of no app that there is
    const { namespace, app, service, version } = series;
    const { method, path, requestId, traceparent } = facts;
    const template = pathTemplate(path);
    const traceId = traceparent === null ? null : traceIdOf(traceparent);
    this.#onFailed({
      namespace,
      app,
      service,
      version,
      instance,
      status,
      code,
      method,
      pathTemplate: template,
      traceId,
      requestId,
      endedAtMs,
    });
  }
}

/** One request on its way. */
export interface RequestRecord {
  readonly series: VersionSeries;
  metered: MeteredSeries | null;
  instance: string;
  readonly startedAt: number;
  attemptAt: number;
  /** Of the answer that the proxy made itself. */
  proxyError: string | null;
}

function toSeconds(ms: number): number {
  return ms / 1_000;
}
