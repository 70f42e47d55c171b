import { DURATION_BOUNDS_SECONDS, knownMethod } from '@app-fabric/measurement';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** Versions whose runs are counted apart; those of others are counted together. */
const MAX_VERSIONS = 1_000;
/** No name of a namespace or app begins like that. */
const OTHER = '_other';

/** Gauges that are called as if they were counters; their parts by type are shown as well. */
const NO_COUNTERS = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

export interface VersionRef {
  namespace: string;
  app: string;
  version: number;
}

/** What this program has counted. Labels are route templates, never paths, so their number is bounded. */
@Injectable()
export class Metrics implements OnApplicationShutdown {
  readonly registry = new Registry();
  private readonly httpDuration = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'From the first byte of a request to the last of its answer. No status: the caller went away.',
    labelNames: ['http_request_method', 'http_route', 'http_response_status_code', 'error_type'],
    buckets: [...DURATION_BOUNDS_SECONDS],
    registers: [this.registry],
  });
  private readonly runsEnded = new Counter({
    name: 'fabric_runs_ended_total',
    help: 'Runs that ended by themselves: FAILED, or a flow that is COMPLETED.',
    labelNames: ['namespace', 'app', 'version', 'type', 'status'],
    registers: [this.registry],
  });
  private readonly versions = new Set<string>();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    for (const name of NO_COUNTERS) this.registry.removeSingleMetric(name);
  }

  /** `status`: 0 when the caller went away. */
  observeRequest(method: string, route: string, status: number, seconds: number): void {
    const labels = {
      http_request_method: knownMethod(method),
      http_route: route,
      http_response_status_code: status === 0 ? '' : String(status),
      error_type: status >= 500 ? String(status) : '',
    };
    this.httpDuration.observe(labels, seconds);
  }

  runEnded({ namespace, app, version }: VersionRef, type: string, status: string): void {
    const key = `${namespace}/${app}/${version}`;
    if (this.versions.size < MAX_VERSIONS) this.versions.add(key);
    const shown = this.versions.has(key) ? { namespace, app, version } : { namespace: OTHER, app: OTHER, version: OTHER };
    this.runsEnded.inc({ ...shown, type, status });
  }

  onApplicationShutdown(): void {
    this.registry.clear();
  }
}
