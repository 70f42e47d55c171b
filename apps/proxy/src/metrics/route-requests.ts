import { STATUS_CODES } from 'node:http';
import { knownMethod } from '@app-fabric/measurement';
import { Durations } from './durations.js';

/** What a finished request belongs to. Only names that the table knows may come in here: the client must not invent label values. */
export interface RouteLabels {
  readonly namespace: string;
  readonly app: string;
  readonly service: string;
  /** Empty when no version was chosen. */
  readonly version: string;
}

/** The method, where it is one of those that are told apart. */
export function methodLabel(method: string): string {
  return knownMethod(method);
}

/** The requests of one route and version with one method, status and kind of error. */
export class RequestSeries {
  /** As the client saw it. */
  readonly server = new Durations();
  /** The attempts at instances. */
  readonly client = new Durations();
  readonly labels: Readonly<Record<string, string>>;

  constructor(
    route: RouteLabels,
    readonly method: string,
    readonly status: number,
    readonly error: string | null,
  ) {
    this.labels = {
      ...route,
      http_request_method: method,
      http_response_status_code: status === 0 ? '' : String(status),
      error_type: error ?? '',
    };
  }
}

/** What the requests of one route and version are counted in. */
export class RouteRequests {
  /** A few: methods and statuses that occur. */
  readonly series: RequestSeries[] = [];
  /** Looks in a row at which nothing routed to it. */
  unroutedLooks = 0;

  /** @param overflow where requests go when `mayAdd` says that there are too many series already; null: this is it */
  constructor(
    readonly route: RouteLabels,
    private readonly mayAdd: (requests: RouteRequests) => boolean,
    private readonly overflow: RouteRequests | null,
  ) {}

  /**
   * On the path of every request.
   * @param status sent to the client; 0: it left before an answer
   * @param error null: the request was no error (see `isError`)
   */
  of(method: string, status: number, error: string | null): RequestSeries {
    return this.find(method, status, error) ?? this.add(methodLabel(method), knownStatus(status), error);
  }

  private find(method: string, status: number, error: string | null): RequestSeries | undefined {
    for (const one of this.series) if (one.status === status && one.method === method && one.error === error) return one;
    return undefined;
  }

  private add(method: string, status: number, error: string | null): RequestSeries {
    const known = this.find(method, status, error);
    if (known !== undefined) return known;
    if (this.overflow !== null && !this.mayAdd(this)) return this.overflow.of(method, status, error);
    const made = new RequestSeries(this.route, method, status, error);
    this.series.push(made);
    return made;
  }
}

/** A status that nobody has registered is as the x00 of its class (RFC 9110 §15): an instance must not invent series without end. */
function knownStatus(status: number): number {
  return status === 0 || STATUS_CODES[status] !== undefined ? status : Math.floor(status / 100) * 100;
}
