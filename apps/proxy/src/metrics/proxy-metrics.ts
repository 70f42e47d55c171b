import { Counter, Gauge, Registry } from 'prom-client';
import type { ExchangeResult } from '../upstream/forwarder.js';
import { DurationHistogram, RouteSeries } from './route-series.js';

/** Series that the proxy may hold. Beyond it, new combinations are counted together under {@link OTHER}. */
const MAX_SERIES = 20_000;
const OTHER = '_other';

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

/** What one route and version is counted in. Whoever has one need not have it looked up again. */
export interface RouteCounts {
  readonly route: RouteLabels;
  /** By the first digit of the status; made when the first request of a class ends. */
  readonly byClass: (RouteSeries | undefined)[];
}

export const NO_ROUTE: RouteLabels = { namespace: '', app: '', service: '', version: '' };
const OTHER_ROUTE: RouteLabels = { namespace: OTHER, app: OTHER, service: OTHER, version: OTHER };

/** What requests are counted in, by the process that takes them. */
export class ProxyMetrics {
  readonly registry = new Registry();
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
  readonly #series = new Map<string, RouteSeries>();

  readonly #ejections = new Counter({
    name: 'fabric_proxy_ejections_total',
    help: 'Instances that were taken out of the pick because they failed several times in a row.',
    labelNames: ROUTE_LABELS,
    registers: [this.registry],
  });
  readonly #ejectionSeries = new Set<string>();

  /** Both are read at scrape time; `ejected` names a route for each instance that is ejected now. */
  constructor(inFlight: () => number, ejected: () => Iterable<RouteLabels>) {
    const series = this.#series;
    new Counter({
      name: 'fabric_proxy_requests_total',
      help: 'Requests answered, by route, version and class of the status (0xx: the client left before an answer).',
      labelNames: LABELS,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const one of series.values()) this.inc(one.labels, one.count);
      },
    });
    new DurationHistogram(() => series.values(), LABELS, this.registry);
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

  /** To be kept and used again for the same route. */
  countsOf(route: RouteLabels): RouteCounts {
    return { route, byClass: [] };
  }

  requestEnded(counts: RouteCounts, result: Pick<ExchangeResult, 'status' | 'outcome'>, seconds: number): void {
    const statusClass = Math.floor(result.status / 100);
    let series = counts.byClass[statusClass];
    if (series === undefined) {
      series = this.#seriesOf(counts.route, `${statusClass}xx`);
      counts.byClass[statusClass] = series;
    }
    series.add(seconds);
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

  #seriesOf(route: RouteLabels, code: string): RouteSeries {
    const key = `${route.namespace}\n${route.app}\n${route.service}\n${route.version}\n${code}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    if (this.#series.size >= MAX_SERIES && route.app !== OTHER) return this.#seriesOf(OTHER_ROUTE, code);
    const made = new RouteSeries({ ...route, code });
    this.#series.set(key, made);
    return made;
  }
}
