import { pathTemplate } from '../measurements/path-template.js';
import type { RequestFacts } from '../measurements/traffic-recorder.js';
import type { RouteLabels } from '../metrics/route-requests.js';
import type { ExchangeResult } from '../upstream/forwarder.js';
import type { InstanceState } from '../upstream/instance.js';
import { LogBudget } from './log-budget.js';
import type { Problem } from './problems.js';

/** What the data path writes its log with: pino has this shape. */
export interface DataPathLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
}

export interface RequestLogPolicy {
  /** Share of the requests without an error that get a line, from 0 (none) to 1. Errors get one always. */
  ratio: number;
  /** So many lines for errors and so many for the others; what is above them is counted and left out. */
  linesPerSecond: number;
}

interface RequestLogOptions {
  log: DataPathLog;
  policy: RequestLogPolicy;
  /** Milliseconds, monotonic. */
  now: () => number;
  random: () => number;
}

/** One request as its line says it. */
export interface LoggedRequest extends Omit<RequestFacts, 'path'> {
  /** Null: it belongs to no service. */
  route: RouteLabels | null;
  /** With query, which is left out. */
  path: string;
  runId: string | null;
  /** Null: none was asked. */
  instance: InstanceState | null;
  reason: string | null;
  status: number;
  outcome: ExchangeResult['outcome'];
  /** Of the answer, when the proxy made it. */
  problem: Problem | null;
  startedAt: number;
  /** When the instance was asked, the last one of several. */
  attemptAt: number | null;
}

/**
 * One line a request, of those that failed and a sample of the others. Neither headers nor query stand in it, and of the path only words: tokens
 * have no place in a log.
 */
export class RequestLog {
  readonly #options: RequestLogOptions;
  readonly #failed: LogBudget;
  readonly #sampled: LogBudget;
  #untilNext: number;

  constructor(options: RequestLogOptions) {
    const { linesPerSecond } = options.policy;
    this.#options = options;
    this.#failed = new LogBudget(options.now, linesPerSecond);
    this.#sampled = new LogBudget(options.now, linesPerSecond);
    this.#untilNext = this.#gap();
  }

  /** Whether this request, which was no error, gets a line. Called for every one: no random number is drawn but for those that do. */
  sample(): boolean {
    this.#untilNext -= 1;
    if (this.#untilNext > 0) return false;
    this.#untilNext = this.#gap();
    return true;
  }

  write(failed: boolean, request: LoggedRequest): void {
    const suppressed = (failed ? this.#failed : this.#sampled).take();
    if (suppressed === null) return;
    const { log, now } = this.#options;
    const { route, instance, problem, startedAt, attemptAt, traceparent } = request;
    const endedAt = now();
    const [, traceId, spanId] = traceparent?.split('-') ?? [];
    const line = {
      requestId: request.requestId,
      traceId,
      spanId,
      namespace: route?.namespace || undefined,
      app: route?.app || undefined,
      service: route?.service || undefined,
      version: route?.version || undefined,
      runId: request.runId ?? undefined,
      instanceId: instance?.id,
      instanceUrl: failed ? instance?.url : undefined,
      routeReason: request.reason ?? undefined,
      method: request.method || undefined,
      path: request.path === '' ? undefined : pathTemplate(request.path),
      status: request.status,
      outcome: request.outcome,
      code: problem?.code,
      detail: problem?.detail,
      durationMs: tenths(endedAt - startedAt),
      upstreamMs: attemptAt === null ? undefined : tenths(endedAt - attemptAt),
      suppressed: suppressed === 0 ? undefined : suppressed,
    };
    if (failed) log.warn(line, 'request failed');
    else log.info(line, 'request');
  }

  /** How many requests there are up to the next one that is sampled, that one included: as if each were drawn by itself. */
  #gap(): number {
    const { policy, random } = this.#options;
    if (policy.ratio <= 0) return Number.POSITIVE_INFINITY;
    return 1 + Math.floor(Math.log(1 - random()) / Math.log(1 - policy.ratio));
  }
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
