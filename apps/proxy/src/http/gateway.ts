import { admit } from '@app-fabric/routing';
import type { IdSource, Tracing } from '@app-fabric/tracing';
import type { VersionSeries } from '../measurements/traffic-meters.js';
import type { RequestFacts, TrafficRecorder } from '../measurements/traffic-recorder.js';
import type { ProxyMetrics } from '../metrics/proxy-metrics.js';
import { OTHER_METHOD } from '../metrics/route-requests.js';
import { openTrace, type RequestTrace } from '../tracing/request-trace.js';
import type { Exchange, Gateway, Refusal, RequestCopy, RequestHead, RetryableFailure } from '../upstream/forwarder.js';
import type { InstanceState } from '../upstream/instance.js';
import type { MirrorSender } from '../upstream/mirror-sender.js';
import type { Outliers } from '../upstream/outliers.js';
import { type ForwardedInput, forwardedHeaders, requestIdOf } from './forwarded.js';
import { forwardHeaders, withoutHeader } from './headers.js';
import { hopsOf, MAX_HOPS } from './hops.js';
import { authorityOf, originForm, type ParsedTarget, parseTarget, type TargetResult, targetOfHost } from './parse-target.js';
import { NO_PINS, readPins } from './pins.js';
import { PROBLEMS, type Problem, renderProblem } from './problems.js';
import type { RequestLog } from './request-log.js';
import { HeadValues } from './request-values.js';
import { RetryBudget } from './retry-budget.js';
import type { Resolution, RouteResolver } from './route-resolver.js';
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
  readonly #newConsumerId: () => string;
  readonly #host: ExchangeHost;
  #inFlight = 0;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#host = {
      metrics: options.metrics,
      traffic: options.traffic,
      outliers: options.outliers,
      requestLog: options.requestLog,
      next: (resolution, failed, failure) => this.#next(resolution, failed, failure),
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
    const { resolver, ids, basePath, maxInFlight, traffic, tracing } = this.#options;
    const startedAt = this.#options.now();
    const requestId = requestIdOf(head.fields, ids);
    const trace = openTrace(head, requestId, ids, tracing);
    this.#inFlight += 1;
    const refuse = (problem: Problem, series: VersionSeries | null = null, path = '') =>
      this.#refusal(problem, series, { method: head.method, path, requestId, traceparent: trace.traceparent }, trace, startedAt);

    if (this.#inFlight > maxInFlight) return refuse({ code: 'overloaded', detail: `More than ${maxInFlight} requests are in flight.` });
    if (hopsOf(head.fields) >= MAX_HOPS)
      return refuse({ code: 'loop_detected', detail: `The request has come through a fabric ${MAX_HOPS} times already.` });
    const parsed = this.#target(head, basePath);
    if (!parsed.ok) return refuse(parsed);
    const { target } = parsed;
    let pins = NO_PINS;
    if (target.version === undefined) {
      const read = readPins(head.fields);
      if (!read.ok) return refuse({ code: 'bad_version_header', detail: read.detail });
      pins = read.pins;
    }
    if (!resolver.ready) return refuse({ code: 'not_ready', detail: 'The proxy has no routing table yet.' });
    const resolution = resolver.resolve({
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
    if (!resolution.ok) {
      if (!resolution.serviceExists) return refuse(resolution);
      return refuse(resolution, traffic.meters.versionOf(target, null), target.forwardPath);
    }
    const series = traffic.meters.versionOf(target, resolution.version);
    const waitMs = admit(resolution.serviceLimiter, resolution.versionLimiter, startedAt);
    if (waitMs > 0) {
      const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1_000));
      const detail = `Service ${target.service} or version ${resolution.version} takes no more requests at the moment.`;
      return refuse({ code: 'throttled', detail, retryAfterSeconds }, series, target.forwardPath);
    }
    this.#retries.requestStarted();
    return this.#exchange(head, target, resolution, series, requestId, trace, startedAt);
  }

  /** A public host comes first: what a consumer reaches by it is that service and never a path of the fabric. */
  #target(head: RequestHead, basePath: string): TargetResult {
    const path = originForm(head.target);
    if (path !== null) {
      const mark = path.indexOf('?');
      const authority = authorityOf(head.target, head.fields.value('host'));
      const claim = this.#options.resolver.lookupHost(authority, mark < 0 ? path : path.slice(0, mark));
      if (claim !== undefined) return { ok: true, target: targetOfHost(claim, path) };
    }
    return parseTarget(head.target, basePath);
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

  #exchange(
    head: RequestHead,
    target: ParsedTarget,
    resolution: Extract<Resolution, { ok: true }>,
    series: VersionSeries,
    requestId: string,
    trace: RequestTrace,
    startedAt: number,
  ): Exchange {
    const { trustForwarded } = this.#options;
    const { version, artifactVersion, reason } = resolution;
    const { method, fields, remoteAddress, encrypted } = head;
    const answerHeaders = [
      'X-App-Version',
      String(version),
      'X-Artifact-Version',
      artifactVersion,
      'X-Route-Reason',
      reason,
      'X-Request-Id',
      requestId,
    ];
    if (resolution.affinityCookie !== null) answerHeaders.push('Set-Cookie', resolution.affinityCookie);
    const { traceparent, tracestate, span } = trace;
    const passing = {
      fields,
      remoteAddress,
      encrypted,
      prefix: target.prefix,
      requestId,
      traceparent,
      tracestate,
      version,
      trustForwarded,
    };
    const requestHeaders = forwardedHeaders(passing);
    const copy = this.#copy(head, target, resolution, passing);
    span?.routed({ ...series.route, version, artifactVersion, runId: resolution.runId, reason }, target.forwardPath);
    const passenger = { method, path: target.forwardPath, requestHeaders, answerHeaders, copy, requestId, trace, startedAt };
    return new RoutedExchange(this.#host, resolution, series, passenger);
  }

  #copy(
    head: RequestHead,
    target: ParsedTarget,
    resolution: Extract<Resolution, { ok: true }>,
    passing: ForwardedInput,
  ): RequestCopy | null {
    const { mirror } = resolution;
    if (mirror === null) return null;
    const { mirrors, metrics } = this.#options;
    const { version, instance, maxBodyBytes } = mirror;
    const { method } = head;
    const own = forwardedHeaders({ ...passing, version });
    const headers = withoutHeader(forwardHeaders(head.fields.list(), [...own, 'X-Mirrored', 'true']), 'content-length');
    return {
      maxBodyBytes,
      send: (body) => {
        instance.inFlight += 1;
        mirrors.send({ instance, method, path: target.forwardPath, headers: withoutHeader(headers, 'expect'), body }, (outcome) => {
          instance.inFlight -= 1;
          resolution.released(instance);
          metrics.mirrored(outcome);
        });
      },
    };
  }

  /** Another instance of the same version. Where there is none, one whose kept connection only was stale may be asked again. `null`: give up. */
  #next(resolution: Extract<Resolution, { ok: true }>, failed: InstanceState, failure: RetryableFailure): InstanceState | null {
    const next = resolution.pickOther(failed) ?? (failure === 'stale_connection' && !failed.leaving ? failed : null);
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
