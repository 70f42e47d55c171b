import type { ProxyMetrics, RouteLabels } from '../metrics/proxy-metrics.js';
import { NO_ROUTE } from '../metrics/proxy-metrics.js';
import type { Exchange, ExchangeResult, Gateway, Refusal, RequestHead, RetryableFailure } from '../upstream/forwarder.js';
import type { InstanceState } from '../upstream/instance.js';
import { forwardedHeaders, requestIdOf } from './forwarded.js';
import type { IdSource } from './ids.js';
import type { LogBudget } from './log-budget.js';
import { type ParsedTarget, parseTarget } from './parse-target.js';
import { type HeaderPins, readPins } from './pins.js';
import { PROBLEMS, type Problem, type ProblemCode, renderProblem } from './problems.js';
import { RetryBudget } from './retry-budget.js';
import type { Resolution, RouteResolver } from './route-resolver.js';

export interface GatewayOptions {
  resolver: RouteResolver;
  metrics: ProxyMetrics;
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
    const parsed = parseTarget(head.target, basePath);
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
      remoteAddress: head.remoteAddress,
    });
    if (!resolution.ok) return refuse(resolution, resolution.serviceExists ? labelsOf(target, '') : NO_ROUTE);
    this.#retries.requestStarted();
    return this.#exchange(head, target, resolution, requestId, startedAt);
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
    const { metrics, ids, trustForwarded } = this.#options;
    const { version, artifactVersion, reason } = resolution;
    const route = labelsOf(target, String(version));
    const tried: InstanceState[] = [];
    let instance = resolution.instance;
    instance.inFlight += 1;
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
      retry: (failure) => {
        tried.push(instance);
        const next = this.#next(resolution, tried, failure);
        if (next === null) return false;
        const failed = instance;
        failed.inFlight -= 1;
        instance = next;
        instance.inFlight += 1;
        resolution.released(failed);
        metrics.retry(failure);
        return true;
      },
      problem: (problem) => {
        this.#countProblem(problem, requestId, route, instance);
        return renderProblem(problem, requestId, answerHeaders);
      },
      end: (result) => {
        instance.inFlight -= 1;
        resolution.released(instance);
        this.#end(route, result, startedAt);
      },
    };
  }

  /** Another instance of the same version; a connection that only was stale may go to the same one. `null`: give up. */
  #next(resolution: Extract<Resolution, { ok: true }>, tried: InstanceState[], failure: RetryableFailure): InstanceState | null {
    if (!this.#retries.take()) return null;
    const other = resolution.pickOther(tried);
    if (other !== null) return other;
    const last = tried.at(-1);
    return failure !== 'connect_failed' && last !== undefined && !last.leaving ? last : null;
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

/** Worth a line in the log: what is not the client's fault. */
function isOurs(code: ProblemCode): boolean {
  return PROBLEMS[code].status >= 500;
}

function labelsOf(target: ParsedTarget, version: string): RouteLabels {
  return { namespace: target.namespace, app: target.app, service: target.service, version };
}
