import { Counter, Gauge, Registry } from 'prom-client';
import type { RetryableFailure } from '../upstream/forwarder.js';
import { DurationHistogram, type LabelledDurations } from './duration-histogram.js';
import type { Durations } from './durations.js';
import { type RequestSeries, type RouteLabels, RouteRequests } from './route-requests.js';

/** Routes and versions that are told apart; what comes beyond them is counted together under {@link OTHER}. */
const MAX_ROUTES = 2_000;
/** Of methods, statuses and errors: of all routes together, and of one. Each is about 34 lines of the exposition. */
const MAX_SERIES = 8_000;
const MAX_SERIES_OF_ROUTE = 50;
/** Counted in looks and not by a clock: the workers of a proxy are looked at together, and so give a route up together. */
const FORGET_AFTER_LOOKS = 60;
/** No name of a namespace, app or service begins like that. */
const OTHER = '_other';

const ROUTE_LABELS = ['namespace', 'app', 'service', 'version'] as const;
const LABELS = [...ROUTE_LABELS, 'http_request_method', 'http_response_status_code', 'error_type'] as const;

const NO_ROUTE: RouteLabels = { namespace: '', app: '', service: '', version: '' };
const OTHER_ROUTE: RouteLabels = { namespace: OTHER, app: OTHER, service: OTHER, version: OTHER };

const RETRY_REASONS = ['connect_failed', 'stale_connection', 'reset'] as const satisfies readonly RetryableFailure[];

/** Read at scrape time. */
export interface ProxyMetricsSources {
  /** Requests that have not ended, whatever they belong to. */
  inFlight(): number;
  /** Those that went to an instance, by route. */
  inFlightByRoute(): Iterable<{ requests: RouteRequests; inFlight: number }>;
  /** A route for each instance that is ejected now. */
  ejected(): Iterable<RouteRequests>;
  /** Requests that the control plane is not told of. */
  unmeasured(): number;
}

/** What requests are counted in, by the process that takes them. */
export class ProxyMetrics {
  readonly registry = new Registry();
  /** Requests that belong to no service. */
  readonly unrouted = new RouteRequests(NO_ROUTE, () => true, null);
  /** Requests beyond what may be told apart. */
  readonly overflow = new RouteRequests(OTHER_ROUTE, () => true, null);
  readonly #routes = new Map<string, RouteRequests>();
  #added = 0;
  readonly #mayAdd = (requests: RouteRequests): boolean => {
    if (requests.series.length >= MAX_SERIES_OF_ROUTE || this.#added >= MAX_SERIES) return false;
    // One that was given up and is used again.
    if (this.#obtain(keyOf(requests.route), () => requests) !== requests) return false;
    this.#added += 1;
    return true;
  };
  readonly #problems = new Counter({
    name: 'fabric_proxy_problems_total',
    help: 'Answers that the proxy made itself, by their code.',
    labelNames: ['problem'],
    registers: [this.registry],
  });
  readonly #retries = new Counter({
    name: 'fabric_proxy_retries_total',
    help: 'Further attempts, by the reason of the first one’s failure.',
    labelNames: [...ROUTE_LABELS, 'reason'],
    registers: [this.registry],
  });
  readonly #mirrored = new Counter({
    name: 'fabric_proxy_mirrored_requests_total',
    help: 'Copies of requests, by what became of them (dropped: too many at once).',
    labelNames: ['outcome'],
    registers: [this.registry],
  });
  readonly #ejections = new Counter({
    name: 'fabric_proxy_ejections_total',
    help: 'Instances that were taken out of the pick because they failed several times in a row.',
    labelNames: ROUTE_LABELS,
    registers: [this.registry],
  });

  constructor({ inFlight, inFlightByRoute, ejected, unmeasured }: ProxyMetricsSources) {
    const registers = [this.registry];
    const server = {
      name: 'http_server_request_duration_seconds',
      help: 'From the head of a request to the end of its answer; error_type: none, or why the request was an error.',
      labelNames: LABELS,
    };
    const client = {
      name: 'http_client_request_duration_seconds',
      help: 'From the begin of an attempt at an instance to its end.',
      labelNames: LABELS,
    };
    new DurationHistogram(server, () => this.#shown(({ server }) => server), this.registry);
    new DurationHistogram(client, () => this.#shown(({ client }) => client), this.registry);
    new Gauge({
      name: 'http_server_active_requests',
      help: 'Requests that have not ended.',
      labelNames: ROUTE_LABELS,
      registers,
      collect() {
        this.reset();
        let routed = 0;
        for (const { requests, inFlight } of inFlightByRoute()) {
          this.inc({ ...requests.route }, inFlight);
          routed += inFlight;
        }
        this.inc({ ...NO_ROUTE }, Math.max(0, inFlight() - routed));
      },
    });
    new Counter({
      name: 'fabric_proxy_unmeasured_requests_total',
      help: 'Requests that found no room in what the control plane is told: too many versions at once.',
      registers,
      collect() {
        this.reset();
        this.inc(unmeasured());
      },
    });
    new Gauge({
      name: 'fabric_proxy_ejected_instances',
      help: 'Instances that are not picked until a trial request succeeds; of several workers, the one that has ejected most.',
      labelNames: ROUTE_LABELS,
      aggregator: 'max',
      registers,
      collect() {
        this.reset();
        for (const { route } of ejected()) this.inc({ ...route });
      },
    });
  }

  /** What requests of a route are counted in; to be kept, and used again for each of them. */
  requestsOf(route: RouteLabels): RouteRequests {
    return this.#obtain(keyOf(route), () => new RouteRequests(route, this.#mayAdd, this.overflow));
  }

  /**
   * To be called before each look: gives up what nothing has routed to for many of them, or a proxy that lives for long would have no room for new versions.
   * @param isRouted may requests of it still come or end?
   */
  tidy(isRouted: (requests: RouteRequests) => boolean): void {
    for (const [key, requests] of this.#routes) {
      requests.unroutedLooks = isRouted(requests) ? 0 : requests.unroutedLooks + 1;
      if (requests.unroutedLooks < FORGET_AFTER_LOOKS) continue;
      this.#routes.delete(key);
      this.#added -= requests.series.length;
      requests.series.length = 0;
      requests.unroutedLooks = 0;
      this.#ejections.remove({ ...requests.route });
      for (const reason of RETRY_REASONS) this.#retries.remove({ ...requests.route, reason });
    }
  }

  ejection({ route }: RouteRequests): void {
    this.#ejections.inc({ ...route });
  }

  problem(code: string): void {
    this.#problems.inc({ problem: code });
  }

  mirrored(outcome: string): void {
    this.#mirrored.inc({ outcome });
  }

  retry({ route }: RouteRequests, reason: RetryableFailure): void {
    this.#retries.inc({ ...route, reason });
  }

  #obtain(key: string, make: () => RouteRequests): RouteRequests {
    const known = this.#routes.get(key);
    if (known !== undefined) return known;
    if (this.#routes.size >= MAX_ROUTES) return this.overflow;
    const made = make();
    this.#routes.set(key, made);
    return made;
  }

  *#shown(which: (series: RequestSeries) => Durations): Iterable<LabelledDurations> {
    for (const { series } of [this.unrouted, ...this.#routes.values(), this.overflow]) {
      for (const one of series) {
        const durations = which(one);
        if (durations.count > 0) yield { labels: one.labels, durations };
      }
    }
  }
}

function keyOf({ namespace, app, service, version }: RouteLabels): string {
  return `${namespace}\n${app}\n${service}\n${version}`;
}
