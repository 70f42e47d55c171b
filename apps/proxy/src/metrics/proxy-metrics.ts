import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ExchangeResult } from '../upstream/forwarder.js';

/** Series that the proxy may hold. Beyond it, new combinations are counted together under {@link OTHER}. */
const MAX_SERIES = 20_000;
const OTHER = '_other';
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const ROUTE_LABELS = ['namespace', 'app', 'service', 'version'] as const;
const LABELS = [...ROUTE_LABELS, 'code'] as const;

/** What a finished request belongs to. Only names that the table knows may come in here: the client must not invent label values. */
export interface RouteLabels {
  namespace: string;
  app: string;
  service: string;
  /** Empty when no version was chosen. */
  version: string;
}

interface Series {
  count: Counter.Internal;
  duration: Histogram.Internal<(typeof LABELS)[number]>;
}

export const NO_ROUTE: RouteLabels = { namespace: '', app: '', service: '', version: '' };
const OTHER_ROUTE: RouteLabels = { namespace: OTHER, app: OTHER, service: OTHER, version: OTHER };

/** What requests are counted in, by the process that takes them. */
export class ProxyMetrics {
  readonly registry = new Registry();
  readonly #requests = new Counter({
    name: 'fabric_proxy_requests_total',
    help: 'Requests answered, by route, version and class of the status (0xx: the client left before an answer).',
    labelNames: LABELS,
    registers: [this.registry],
  });
  readonly #duration = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'From the head of the request to the end of the answer.',
    labelNames: LABELS,
    buckets: BUCKETS_SECONDS,
    registers: [this.registry],
  });
  readonly #problems = new Counter({
    name: 'fabric_proxy_problems_total',
    help: 'Answers that the proxy made itself, by their code.',
    labelNames: ['problem'],
    registers: [this.registry],
  });
  readonly #retries = new Counter({
    name: 'fabric_proxy_retries_total',
    help: 'Further attempts, by the reason of the first one’s failure.',
    labelNames: ['reason'],
    registers: [this.registry],
  });
  readonly #mirrored = new Counter({
    name: 'fabric_proxy_mirrored_requests_total',
    help: 'Copies of requests, by what became of them (dropped: too many at once).',
    labelNames: ['outcome'],
    registers: [this.registry],
  });
  readonly #cutAnswers = new Counter({
    name: 'fabric_proxy_cut_answers_total',
    help: 'Answers that the instance broke off after their head.',
    registers: [this.registry],
  });
  readonly #series = new Map<string, Series>();

  readonly #ejections = new Counter({
    name: 'fabric_proxy_ejections_total',
    help: 'Instances that were taken out of the pick because they failed several times in a row.',
    labelNames: ROUTE_LABELS,
    registers: [this.registry],
  });
  readonly #ejectionSeries = new Set<string>();

  /** Both are read at scrape time; `ejected` names a route for each instance that is ejected now. */
  constructor(inFlight: () => number, ejected: () => Iterable<RouteLabels>) {
    new Gauge({
      name: 'fabric_proxy_ejected_instances',
      help: 'Instances that are not picked until a trial request succeeds; of several workers, the one that has ejected most.',
      labelNames: ROUTE_LABELS,
      aggregator: 'max',
      registers: [this.registry],
      collect() {
        this.reset();
        for (const route of ejected()) this.inc({ ...route });
      },
    });
    new Gauge({
      name: 'fabric_proxy_in_flight_requests',
      help: 'Requests that have not ended.',
      registers: [this.registry],
      collect() {
        this.set(inFlight());
      },
    });
  }

  requestEnded(route: RouteLabels, result: ExchangeResult, seconds: number): void {
    const series = this.#seriesOf(route, `${Math.floor(result.status / 100)}xx`);
    series.count.inc();
    series.duration.observe(seconds);
    if (result.outcome === 'cut') this.#cutAnswers.inc();
  }

  ejection(route: RouteLabels): void {
    const key = `${route.namespace}\n${route.app}\n${route.service}\n${route.version}`;
    if (this.#ejectionSeries.size < MAX_SERIES) this.#ejectionSeries.add(key);
    this.#ejections.inc({ ...(this.#ejectionSeries.has(key) ? route : OTHER_ROUTE) });
  }

  problem(code: string): void {
    this.#problems.inc({ problem: code });
  }

  mirrored(outcome: string): void {
    this.#mirrored.inc({ outcome });
  }

  retry(reason: string): void {
    this.#retries.inc({ reason });
  }

  /** prom-client looks labels up by a built string each time; here it happens once for each combination. */
  #seriesOf(route: RouteLabels, code: string): Series {
    const key = `${route.namespace}\n${route.app}\n${route.service}\n${route.version}\n${code}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    if (this.#series.size >= MAX_SERIES && route.app !== OTHER) {
      return this.#seriesOf(OTHER_ROUTE, code);
    }
    const labels = { ...route, code };
    const made = { count: this.#requests.labels(labels), duration: this.#duration.labels(labels) };
    this.#series.set(key, made);
    return made;
  }
}
