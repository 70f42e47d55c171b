import { OTHER_METHOD } from '@app-fabric/measurement';
import { admit } from '@app-fabric/routing';
import type { IdSource, Tracing } from '@app-fabric/tracing';
import type { VersionSeries } from '../measurements/traffic-meters.js';
import type { RequestFacts, TrafficRecorder } from '../measurements/traffic-recorder.js';
import type { ProxyMetrics } from '../metrics/proxy-metrics.js';
import { openTrace, type RequestTrace } from '../tracing/request-trace.js';
import type { Exchange, Gateway, Refusal, RequestCopy, RequestHead, RetryableFailure } from '../upstream/forwarder.js';
import type { InstanceState } from '../upstream/instance.js';
import type { MirrorSender } from '../upstream/mirror-sender.js';
import type { Outliers } from '../upstream/outliers.js';
import { Asked } from './asked.js';
import { attemptLines } from './forwarded.js';
import { forwardHeaders, listOfLines, withoutHeader } from './headers.js';
import { MAX_HOPS } from './hops.js';
import { Lanes } from './lane.js';
import { type ParsedTarget, type TargetResult, targetOfHost } from './parse-target.js';
import { NO_PINS } from './pins.js';
import { PROBLEMS, type Problem, renderProblem } from './problems.js';
import type { RequestLog } from './request-log.js';
import { HeadValues } from './request-values.js';
import { RetryBudget } from './retry-budget.js';
import type { Routed, RouteResolver } from './route-resolver.js';
import { type ExchangeHost, RoutedExchange } from './routed-exchange.js';

export interface GatewayOptions {
  resolver: RouteResolver;
  mirrors: MirrorSender;
  metrics: ProxyMetrics;
  traffic: TrafficRecorder;
  /** Null: nothing is recorded. */
  tracing: Tracing | null;
  outliers: Outliers<VersionSeries>;
  ids: IdSource;
  random: () => number;
  /** Milliseconds, monotonic. */
  now: () => number;
  basePath: string;
  trustForwarded: boolean;
  /** Requests at once; more are refused. */
  maxInFlight: number;
  requestLog: RequestLog;
}

/** CONTRACT §4 for one request after the other: path and pins, version, instance, headers, errors, counts. */
export class ProxyGateway implements Gateway {
  readonly #options: GatewayOptions;
  readonly #retries = new RetryBudget();
  readonly #lanes: Lanes;
  readonly #newConsumerId: () => string;
  readonly #host: ExchangeHost;
  #inFlight = 0;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#lanes = new Lanes(options.traffic.meters);
    this.#host = {
      metrics: options.metrics,
      traffic: options.traffic,
      outliers: options.outliers,
      requestLog: options.requestLog,
      resolver: options.resolver,
      next: (routed, failed, failure) => this.#next(routed, failed, failure),
      ended: () => {
        this.#inFlight -= 1;
      },
    };
    this.#newConsumerId = () => options.ids.hex(16);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  open(head: RequestHead): Exchange | Refusal {
    const { resolver, ids, maxInFlight, traffic, tracing } = this.#options;
    const startedAt = this.#options.now();
    head.asked ??= new Asked(head, this.#options);
    const { asked } = head;
    const requestId = asked.requestId ?? ids.hex(16);
    const trace = openTrace(head, requestId, ids, tracing);
    this.#inFlight += 1;
    const refuse = (problem: Problem, series: VersionSeries | null = null, path = '') =>
      this.#refusal(problem, series, { method: head.method, path, requestId, traceparent: trace.traceparent }, trace, startedAt);

    if (this.#inFlight > maxInFlight) return refuse({ code: 'overloaded', detail: `More than ${maxInFlight} requests are in flight.` });
    if (asked.isLoop) return refuse({ code: 'loop_detected', detail: `The request has come through a fabric ${MAX_HOPS} times already.` });
    const parsed = this.#target(asked);
    if (!parsed.ok) return refuse(parsed);
    const { target } = parsed;
    let pins = NO_PINS;
    if (target.version === undefined) {
      if (!asked.pins.ok) return refuse({ code: 'bad_version_header', detail: asked.pins.detail });
      pins = asked.pins.pins;
    }
    if (!resolver.ready) return refuse({ code: 'not_ready', detail: 'The proxy has no routing table yet.' });
    const routed = resolver.resolve({
      namespace: target.namespace,
      app: target.app,
      service: target.service,
      pathVersion: target.version,
      versionHeader: pins.versionHeader,
      artifactHeader: pins.artifactHeader,
      fields: head.fields,
      values: new HeadValues(head.fields, head.target, head.remoteAddress),
      newConsumerId: this.#newConsumerId,
    });
    if (!routed.ok) {
      if (!routed.serviceExists) return refuse(routed);
      return refuse(routed, traffic.meters.versionOf(target, null), target.forwardPath);
    }
    const { version } = routed.choice;
    const lane = this.#lanes.of(routed.choice, target);
    const { series } = lane;
    const waitMs = admit(routed.service.limiter, version.limiter, startedAt);
    if (waitMs > 0) {
      const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1_000));
      const detail = `Service ${target.service} or version ${version.version} takes no more requests at the moment.`;
      return refuse({ code: 'throttled', detail, retryAfterSeconds }, series, target.forwardPath);
    }
    this.#retries.requestStarted();
    const { artifactVersion, runId } = version;
    const { reason } = routed.choice;
    trace.span?.routed({ ...series.route, version: version.version, artifactVersion, runId, reason }, target.forwardPath);
    const sharedLines = parsed === asked.target ? asked.sharedLines : asked.linesBehind(target.prefix);
    const copy = this.#copy(head, sharedLines, target, routed, requestId, trace);
    const passenger = { method: head.method, path: target.forwardPath, sharedLines, copy, requestId, trace, startedAt };
    return new RoutedExchange(this.#host, routed, lane, passenger);
  }

  /** A public host comes first: what a consumer reaches by it is that service and never a path of the fabric. */
  #target({ authority, path, plainPath, target }: Asked): TargetResult {
    const claim = path === null ? undefined : this.#options.resolver.lookupHost(authority, plainPath);
    return claim === undefined || path === null ? target : { ok: true, target: targetOfHost(claim, path) };
  }

  refuseUnparsed(problem: Problem) {
    const requestId = this.#options.ids.hex(16);
    const { metrics, traffic, now } = this.#options;
    metrics.problem(problem.code);
    const facts = { method: OTHER_METHOD, path: '', requestId, traceparent: null };
    const { status } = PROBLEMS[problem.code];
    const startedAt = now();
    const failed = traffic.refused(null, status, problem.code, startedAt, facts);
    this.#logRefused(failed, problem, null, facts, status, startedAt);
    return renderProblem(problem, requestId, ['X-Request-Id', requestId]);
  }

  #copy(
    head: RequestHead,
    sharedLines: string,
    { forwardPath }: ParsedTarget,
    { mirror }: Routed,
    requestId: string,
    { traceparent, tracestate }: RequestTrace,
  ): RequestCopy | null {
    if (mirror === null) return null;
    const { mirrors, metrics, resolver } = this.#options;
    const { version, instance, maxBodyBytes } = mirror;
    const { method } = head;
    const own = listOfLines(sharedLines + attemptLines(version, requestId, traceparent, tracestate));
    const headers = withoutHeader(forwardHeaders(head.fields.list(), [...own, 'X-Mirrored', 'true']), 'content-length');
    return {
      maxBodyBytes,
      send: (body) => {
        instance.inFlight += 1;
        mirrors.send({ instance, method, path: forwardPath, headers: withoutHeader(headers, 'expect'), body }, (outcome) => {
          instance.inFlight -= 1;
          resolver.released(instance);
          metrics.mirrored(outcome);
        });
      },
    };
  }

  /** Another instance of the same version. Where there is none, one whose kept connection only was stale may be asked again. `null`: give up. */
  #next({ choice }: Routed, failed: InstanceState, failure: RetryableFailure): InstanceState | null {
    const next = this.#options.resolver.pickOther(choice, failed) ?? (failure === 'stale_connection' && !failed.leaving ? failed : null);
    return next !== null && this.#retries.take() ? next : null;
  }

  #refusal(problem: Problem, series: VersionSeries | null, facts: RequestFacts, trace: RequestTrace, startedAt: number): Refusal {
    const { requestId } = facts;
    const { metrics, traffic } = this.#options;
    metrics.problem(problem.code);
    return {
      kind: 'refusal',
      answer: renderProblem(problem, requestId, ['X-Request-Id', requestId]),
      end: (status) => {
        this.#inFlight -= 1;
        trace.span?.refused(status, problem.code);
        const failed = traffic.refused(series, status, problem.code, startedAt, facts);
        this.#logRefused(failed, problem, series, facts, status, startedAt);
      },
    };
  }

  #logRefused(
    failed: boolean,
    problem: Problem,
    series: VersionSeries | null,
    facts: RequestFacts,
    status: number,
    startedAt: number,
  ): void {
    const { requestLog } = this.#options;
    if (!failed && !requestLog.sample()) return;
    const outcome = status === 0 ? 'client_gone' : 'complete';
    requestLog.write(failed, {
      ...facts,
      route: series?.route ?? null,
      runId: null,
      instance: null,
      reason: null,
      status,
      outcome,
      problem,
      startedAt,
      attemptAt: null,
    });
  }
}
