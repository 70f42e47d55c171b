import { leave } from '@app-fabric/routing';
import type { VersionSeries } from '../measurements/traffic-meters.js';
import type { RequestRecord, TrafficRecorder } from '../measurements/traffic-recorder.js';
import type { ProxyMetrics } from '../metrics/proxy-metrics.js';
import type { RequestTrace } from '../tracing/request-trace.js';
import type { Exchange, ExchangeResult, RequestCopy, RetryableFailure } from '../upstream/forwarder.js';
import type { InstanceState } from '../upstream/instance.js';
import type { Outliers } from '../upstream/outliers.js';
import { attemptEnd } from './forwarded.js';
import { listOfLines } from './headers.js';
import type { Lane } from './lane.js';
import { type Problem, type ProblemCode, type RenderedProblem, renderProblem } from './problems.js';
import type { RequestLog } from './request-log.js';
import type { Routed, RouteResolver } from './route-resolver.js';

/** What exchanges share. */
export interface ExchangeHost {
  readonly resolver: RouteResolver;
  readonly metrics: ProxyMetrics;
  readonly traffic: TrafficRecorder;
  readonly outliers: Outliers<VersionSeries>;
  readonly requestLog: RequestLog;
  /** Where a failed attempt may be repeated; `null`: nowhere. */
  next(routed: Routed, failed: InstanceState, failure: RetryableFailure): InstanceState | null;
  ended(): void;
}

/** What a request takes along. */
interface Passenger {
  readonly method: string;
  readonly path: string;
  readonly sharedLines: string;
  readonly copy: RequestCopy | null;
  readonly requestId: string;
  readonly trace: RequestTrace;
  readonly startedAt: number;
}

/** One request on its way to an instance: holds its place in the counts, tells how instances did. On the path of every request. */
export class RoutedExchange implements Exchange {
  readonly kind = 'exchange';
  instance: InstanceState;
  private readonly record: RequestRecord;
  private traceparent: string;
  private isTrial: boolean;
  private judged = false;
  /** The answer that the proxy made itself. */
  private failure: Problem | null = null;

  constructor(
    private readonly host: ExchangeHost,
    private readonly routed: Routed,
    private readonly lane: Lane,
    private readonly passenger: Passenger,
  ) {
    this.instance = routed.instance;
    this.traceparent = passenger.trace.traceparent;
    const { reason } = routed.choice;
    this.record = host.traffic.begin(lane.series, this.instance.id, passenger.startedAt, reason === 'weighted' || reason === 'affinity');
    this.isTrial = this.enter();
  }

  get path(): string {
    return this.passenger.path;
  }

  get copy(): RequestCopy | null {
    return this.passenger.copy;
  }

  get sharedLines(): string {
    return this.passenger.sharedLines;
  }

  get requestLines(): string {
    const { requestId, trace } = this.passenger;
    return this.lane.attemptStart + attemptEnd(requestId, this.traceparent, trace.tracestate);
  }

  get answerLines(): string {
    const { affinityCookie } = this.routed;
    const lines = `${this.lane.answerStart}${this.passenger.requestId}\r\n`;
    return affinityCookie === null ? lines : `${lines}Set-Cookie: ${affinityCookie}\r\n`;
  }

  retry(failure: RetryableFailure): boolean {
    const { host, routed, instance: failed, isTrial } = this;
    const next = host.next(routed, failed, failure);
    if (next === null) return false;
    failed.inFlight -= 1;
    // A kept connection that was stale is no fault of its instance.
    if (failure !== 'stale_connection') host.outliers.failed(failed, isTrial, routed.choice.version.instances, this.lane.series);
    else if (isTrial) host.outliers.undecided(failed);
    this.passenger.trace.span?.attemptFailed(failure);
    this.instance = next;
    host.traffic.again(this.record, next.id, this.passenger.method, failure);
    this.isTrial = this.enter();
    host.resolver.released(failed);
    host.metrics.retry(this.lane.series.requests, failure);
    return true;
  }

  problem(problem: Problem): RenderedProblem {
    const { host, instance } = this;
    if (isFailureOfInstance(problem.code)) {
      this.judged = true;
      host.outliers.failed(instance, this.isTrial, this.routed.choice.version.instances, this.lane.series);
    }
    this.record.proxyError = problem.code;
    this.failure = problem;
    host.metrics.problem(problem.code);
    return renderProblem(problem, this.passenger.requestId, listOfLines(this.answerLines));
  }

  end(result: ExchangeResult): void {
    const { host, instance, routed } = this;
    instance.inFlight -= 1;
    if (!this.judged) this.judge(result);
    host.resolver.released(instance);
    leave(routed.service.limiter, routed.choice.version.limiter);
    host.ended();
    const { method, path, requestId, trace } = this.passenger;
    const { traceparent } = trace;
    trace.span?.ended(result, this.record.proxyError, instance);
    const failed = host.traffic.end(this.record, result, { method, path, requestId, traceparent });
    if (failed || host.requestLog.sample()) this.log(failed, result);
  }

  private log(failed: boolean, { status, outcome }: ExchangeResult): void {
    const { path, instance, failure: problem } = this;
    const { method, requestId, trace } = this.passenger;
    const { traceparent } = trace;
    const { reason, version } = this.routed.choice;
    const { runId } = version;
    const { startedAt, attemptAt } = this.record;
    const { route } = this.lane.series;
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
    const { span } = this.passenger.trace;
    if (span !== null) this.traceparent = span.attempt(this.instance);
    return this.instance.outlier.ejectedUntil !== 0 && this.host.outliers.begin(this.instance);
  }

  /** What the end of a request says of its instance. A success of one that has not failed costs a comparison. */
  private judge({ outcome, status }: ExchangeResult): void {
    const { instance, isTrial } = this;
    const { outliers } = this.host;
    if (outcome === 'complete' && (status < 502 || status > 504)) {
      if (isTrial || instance.outlier.failures !== 0) outliers.succeeded(instance, isTrial);
    } else if (outcome === 'complete' || outcome === 'cut')
      outliers.failed(instance, isTrial, this.routed.choice.version.instances, this.lane.series);
    else if (isTrial) outliers.undecided(instance);
  }
}

/** Everything that the proxy says because an instance did not. */
function isFailureOfInstance(code: ProblemCode): boolean {
  return code.startsWith('upstream_');
}
