import { admit, leave } from '@app-fabric/routing';
import type { ProxyMetrics, RouteLabels } from '../metrics/proxy-metrics.js';
import { NO_ROUTE } from '../metrics/proxy-metrics.js';
import type { Exchange, ExchangeResult, Gateway, Refusal, RequestCopy, RequestHead, RetryableFailure } from '../upstream/forwarder.js';
import type { InstanceState } from '../upstream/instance.js';
import type { MirrorSender } from '../upstream/mirror-sender.js';
import type { Outliers } from '../upstream/outliers.js';
import { forwardedHeaders, requestIdOf } from './forwarded.js';
import { forwardHeaders, withoutHeader } from './headers.js';
import { hopsOf, MAX_HOPS } from './hops.js';
import type { IdSource } from './ids.js';
import type { LogBudget } from './log-budget.js';
import { authorityOf, originForm, type ParsedTarget, parseTarget, type TargetResult, targetOfHost } from './parse-target.js';
import { type HeaderPins, readPins } from './pins.js';
import { PROBLEMS, type Problem, type ProblemCode, renderProblem } from './problems.js';
import { requestValues } from './request-values.js';
import { RetryBudget } from './retry-budget.js';
import type { Resolution, RouteResolver } from './route-resolver.js';

export interface GatewayOptions {
  resolver: RouteResolver;
  mirrors: MirrorSender;
  metrics: ProxyMetrics;
  outliers: Outliers<RouteLabels>;
  ids: IdSource;
  random: () => number;
  /** Milliseconds, monotonic. */
  now: () => number;
  basePath: string;
  trustForwarded: boolean;
  /** Requests at once; more are refused. */
  maxInFlight: number;
  log: { warn(fields: object, text: string): void };
  logBudget: LogBudget;
}

/** CONTRACT §4 for one request after the other: path and pins, version, instance, headers, errors, counts. */
export class ProxyGateway implements Gateway {
  readonly #options: GatewayOptions;
  readonly #retries = new RetryBudget();
  #inFlight = 0;

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  open(head: RequestHead): Exchange | Refusal {
    const { resolver, ids, basePath, maxInFlight } = this.#options;
    const startedAt = this.#options.now();
    const requestId = requestIdOf(head.fields, ids);
    this.#inFlight += 1;
    const refuse = (problem: Problem, route = NO_ROUTE) => this.#refusal(problem, requestId, route, startedAt);

    if (this.#inFlight > maxInFlight) return refuse({ code: 'overloaded', detail: `More than ${maxInFlight} requests are in flight.` });
    if (hopsOf(head.fields) >= MAX_HOPS)
      return refuse({ code: 'loop_detected', detail: `The request has come through a fabric ${MAX_HOPS} times already.` });
    const parsed = this.#target(head, basePath);
    if (!parsed.ok) return refuse(parsed);
    const { target } = parsed;
    let pins: HeaderPins = {};
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
      ...pins,
      ...(target.version === undefined ? {} : { pathVersion: target.version }),
      fields: head.fields,
      values: requestValues(head.fields, head.target, head.remoteAddress),
      newConsumerId: () => ids.hex(16),
    });
    if (!resolution.ok) return refuse(resolution, resolution.serviceExists ? labelsOf(target, '') : NO_ROUTE);
    const waitMs = admit(resolution.serviceLimiter, resolution.versionLimiter, startedAt);
    if (waitMs > 0) {
      const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1_000));
      const detail = `Service ${target.service} or version ${resolution.version} takes no more requests at the moment.`;
      return refuse({ code: 'throttled', detail, retryAfterSeconds }, labelsOf(target, String(resolution.version)));
    }
    this.#retries.requestStarted();
    return this.#exchange(head, target, resolution, requestId, startedAt);
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
    this.#countProblem(problem, requestId, NO_ROUTE);
    this.#options.metrics.requestEnded(NO_ROUTE, { status: PROBLEMS[problem.code].status, outcome: 'complete' }, 0);
    return renderProblem(problem, requestId, ['X-Request-Id', requestId]);
  }

  #exchange(
    head: RequestHead,
    target: ParsedTarget,
    resolution: Extract<Resolution, { ok: true }>,
    requestId: string,
    startedAt: number,
  ): Exchange {
    const { metrics, ids, trustForwarded, outliers } = this.#options;
    const { version, artifactVersion, reason, peers } = resolution;
    const route = labelsOf(target, String(version));
    let instance = resolution.instance;
    instance.inFlight += 1;
    let isTrial = instance.outlier.ejectedUntil !== 0 && outliers.begin(instance);
    let judged = false;
    const { fields, remoteAddress, encrypted } = head;
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
    return {
      kind: 'exchange',
      get instance() {
        return instance;
      },
      path: target.forwardPath,
      requestHeaders: forwardedHeaders(
        { fields, remoteAddress, encrypted, prefix: target.prefix, requestId, version, trustForwarded },
        ids,
      ),
      answerHeaders,
      copy: this.#copy(head, target, resolution, requestId),
      retry: (failure) => {
        const next = this.#next(resolution, instance, failure);
        if (next === null) return false;
        const failed = instance;
        failed.inFlight -= 1;
        // A kept connection that was stale is no fault of its instance.
        if (failure !== 'stale_connection') outliers.failed(failed, isTrial, peers, route);
        else if (isTrial) outliers.undecided(failed);
        instance = next;
        instance.inFlight += 1;
        isTrial = instance.outlier.ejectedUntil !== 0 && outliers.begin(instance);
        resolution.released(failed);
        metrics.retry(failure);
        return true;
      },
      problem: (problem) => {
        if (isFailureOfInstance(problem.code)) {
          judged = true;
          outliers.failed(instance, isTrial, peers, route);
        }
        this.#countProblem(problem, requestId, route, instance);
        return renderProblem(problem, requestId, answerHeaders);
      },
      end: (result) => {
        instance.inFlight -= 1;
        if (!judged) judge(outliers, instance, isTrial, result, peers, route);
        resolution.released(instance);
        leave(resolution.serviceLimiter, resolution.versionLimiter);
        this.#end(route, result, startedAt);
      },
    };
  }

  #copy(head: RequestHead, target: ParsedTarget, resolution: Extract<Resolution, { ok: true }>, requestId: string): RequestCopy | null {
    const { mirror } = resolution;
    if (mirror === null) return null;
    const { ids, trustForwarded, mirrors, metrics } = this.#options;
    const { version, instance, maxBodyBytes } = mirror;
    const { method, fields, remoteAddress, encrypted } = head;
    const own = forwardedHeaders({ fields, remoteAddress, encrypted, prefix: target.prefix, requestId, version, trustForwarded }, ids);
    const headers = withoutHeader(forwardHeaders(fields.list(), [...own, 'X-Mirrored', 'true']), 'content-length');
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

  #refusal(problem: Problem, requestId: string, route: RouteLabels, startedAt: number): Refusal {
    this.#countProblem(problem, requestId, route);
    return {
      kind: 'refusal',
      answer: renderProblem(problem, requestId, ['X-Request-Id', requestId]),
      end: (result) => this.#end(route, result, startedAt),
    };
  }

  #end(route: RouteLabels, result: ExchangeResult, startedAt: number): void {
    this.#inFlight -= 1;
    this.#options.metrics.requestEnded(route, result, (this.#options.now() - startedAt) / 1_000);
  }

  #countProblem(problem: Problem, requestId: string, route: RouteLabels, instance?: InstanceState): void {
    this.#options.metrics.problem(problem.code);
    if (!isOurs(problem.code)) return;
    const suppressed = this.#options.logBudget.take();
    if (suppressed === null) return;
    const { code, detail } = problem;
    this.#options.log.warn(
      { requestId, ...route, code, detail, instanceId: instance?.id, instanceUrl: instance?.url, suppressed },
      'request failed',
    );
  }
}

/** Everything that the proxy says because an instance did not. */
function isFailureOfInstance(code: ProblemCode): boolean {
  return code.startsWith('upstream_');
}

/** What the end of a request says of its instance. A success of one that has not failed costs a comparison. */
function judge(
  outliers: Outliers<RouteLabels>,
  instance: InstanceState,
  isTrial: boolean,
  { outcome, status }: ExchangeResult,
  peers: readonly InstanceState[],
  route: RouteLabels,
): void {
  if (outcome === 'complete' && (status < 502 || status > 504)) {
    if (isTrial || instance.outlier.failures !== 0) outliers.succeeded(instance, isTrial);
  } else if (outcome === 'complete' || outcome === 'cut') outliers.failed(instance, isTrial, peers, route);
  else if (isTrial) outliers.undecided(instance);
}

/** Worth a line in the log: what is not the client's fault. */
function isOurs(code: ProblemCode): boolean {
  return PROBLEMS[code].status >= 500;
}

function labelsOf(target: ParsedTarget, version: string): RouteLabels {
  return { namespace: target.namespace, app: target.app, service: target.service, version };
}
