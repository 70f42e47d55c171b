import { leave } from '@app-fabric/routing';
import type { VersionSeries } from '../measurements/traffic-meters.js';
import type { RequestRecord, TrafficRecorder } from '../measurements/traffic-recorder.js';
import type { ProxyMetrics } from '../metrics/proxy-metrics.js';
import type { RequestTrace } from '../tracing/request-trace.js';
import type { Exchange, ExchangeResult, RequestCopy, RetryableFailure } from '../upstream/forwarder.js';
import type { InstanceState } from '../upstream/instance.js';
import type { Outliers } from '../upstream/outliers.js';
import type { HeaderList } from './headers.js';
import { type Problem, type ProblemCode, type RenderedProblem, renderProblem } from './problems.js';
import type { RequestLog } from './request-log.js';
import type { Resolution } from './route-resolver.js';

type Routed = Extract<Resolution, { ok: true }>;

/** What exchanges share. */
export interface ExchangeHost {
  readonly metrics: ProxyMetrics;
  readonly traffic: TrafficRecorder;
  readonly outliers: Outliers<VersionSeries>;
  readonly requestLog: RequestLog;
  /** Where a failed attempt may be repeated; `null`: nowhere. */
  next(resolution: Routed, failed: InstanceState, failure: RetryableFailure): InstanceState | null;
  ended(): void;
}

/** What a request takes along. */
interface Passenger {
  readonly method: string;
  readonly path: string;
  readonly requestHeaders: string[];
  readonly answerHeaders: HeaderList;
  readonly copy: RequestCopy | null;
  readonly requestId: string;
  readonly trace: RequestTrace;
  readonly startedAt: number;
}

/** One request on its way to an instance: holds its place in the counts, tells how instances did. One object: every request makes one. */
export class RoutedExchange implements Exchange {
  readonly kind = 'exchange';
  instance: InstanceState;
  readonly path: string;
  readonly requestHeaders: string[];
  readonly answerHeaders: HeaderList;
  readonly copy: RequestCopy | null;
  private readonly method: string;
  private readonly requestId: string;
  private readonly trace: RequestTrace;
  private readonly record: RequestRecord;
  private isTrial: boolean;
  private judged = false;
  /** The answer that the proxy made itself. */
  private failure: Problem | null = null;

  constructor(
    private readonly host: ExchangeHost,
    private readonly resolution: Routed,
    private readonly series: VersionSeries,
    { method, path, requestHeaders, answerHeaders, copy, requestId, trace, startedAt }: Passenger,
  ) {
    this.instance = resolution.instance;
    this.method = method;
    this.path = path;
    this.requestHeaders = requestHeaders;
    this.answerHeaders = answerHeaders;
    this.copy = copy;
    this.requestId = requestId;
    this.trace = trace;
    const weighted = resolution.reason === 'weighted' || resolution.reason === 'affinity';
    this.record = host.traffic.begin(series, this.instance.id, startedAt, weighted);
    this.isTrial = this.enter();
  }

  retry(failure: RetryableFailure): boolean {
    const { host, resolution, instance: failed, isTrial } = this;
    const next = host.next(resolution, failed, failure);
    if (next === null) return false;
    failed.inFlight -= 1;
    // A kept connection that was stale is no fault of its instance.
    if (failure !== 'stale_connection') host.outliers.failed(failed, isTrial, resolution.peers, this.series);
    else if (isTrial) host.outliers.undecided(failed);
    this.trace.span?.attemptFailed(failure);
    this.instance = next;
    host.traffic.again(this.record, next.id, this.method, failure);
    this.isTrial = this.enter();
    resolution.released(failed);
    host.metrics.retry(this.series.requests, failure);
    return true;
  }

  problem(problem: Problem): RenderedProblem {
    const { host, instance, series } = this;
    if (isFailureOfInstance(problem.code)) {
      this.judged = true;
      host.outliers.failed(instance, this.isTrial, this.resolution.peers, series);
    }
    this.record.proxyError = problem.code;
    this.failure = problem;
    host.metrics.problem(problem.code);
    return renderProblem(problem, this.requestId, this.answerHeaders);
  }

  end(result: ExchangeResult): void {
    const { instance, resolution } = this;
    instance.inFlight -= 1;
    if (!this.judged) this.judge(result);
    resolution.released(instance);
    leave(resolution.serviceLimiter, resolution.versionLimiter);
    this.host.ended();
    const { method, path, requestId, trace } = this;
    const { traceparent } = trace;
    trace.span?.ended(result, this.record.proxyError, instance);
    const failed = this.host.traffic.end(this.record, result, { method, path, requestId, traceparent });
    if (failed || this.host.requestLog.sample()) this.log(failed, result);
  }

  private log(failed: boolean, { status, outcome }: ExchangeResult): void {
    const { method, path, requestId, instance, failure: problem } = this;
    const { traceparent } = this.trace;
    const { runId, reason } = this.resolution;
    const { startedAt, attemptAt } = this.record;
    const { route } = this.series;
    const request = {
      method,
      path,
      requestId,
      traceparent,
      route,
      runId,
      instance,
      reason,
      status,
      outcome,
      problem,
      startedAt,
      attemptAt,
    };
    this.host.requestLog.write(failed, request);
  }

  /** @returns whether this request tries out an instance that was ejected */
  private enter(): boolean {
    this.instance.inFlight += 1;
    const { span } = this.trace;
    if (span !== null) this.requestHeaders[this.requestHeaders.indexOf('traceparent') + 1] = span.attempt(this.instance);
    return this.instance.outlier.ejectedUntil !== 0 && this.host.outliers.begin(this.instance);
  }

  /** What the end of a request says of its instance. A success of one that has not failed costs a comparison. */
  private judge({ outcome, status }: ExchangeResult): void {
    const { instance, isTrial } = this;
    const { outliers } = this.host;
    if (outcome === 'complete' && (status < 502 || status > 504)) {
      if (isTrial || instance.outlier.failures !== 0) outliers.succeeded(instance, isTrial);
    } else if (outcome === 'complete' || outcome === 'cut') outliers.failed(instance, isTrial, this.resolution.peers, this.series);
    else if (isTrial) outliers.undecided(instance);
  }
}

/** Everything that the proxy says because an instance did not. */
function isFailureOfInstance(code: ProblemCode): boolean {
  return code.startsWith('upstream_');
}
