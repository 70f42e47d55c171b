import type { RouteDocument } from '@app-fabric/contracts';
import { readTraceContext, type Span, type Tracing } from '@app-fabric/tracing';
import type { ChangeWatcher } from '../table/route-sync.js';

/** Changes that are being applied at once; more are not recorded. */
const MAX_OPEN = 100;

/**
 * Records the way of a change of routes through this proxy, from when it came to when all of the proxy routes by it, as work of the request that
 * has made the change. By OpenTelemetry's conventions for messaging.
 */
export class ApplySpans implements ChangeWatcher {
  readonly #tracing: Tracing;
  readonly #proxyId: () => string;
  #open: { span: Span; revision: number }[] = [];

  constructor(tracing: Tracing, proxyId: () => string) {
    this.#tracing = tracing;
    this.#proxyId = proxyId;
  }

  came({ trace, revision, routes }: RouteDocument): void {
    if (trace === undefined || this.#open.length >= MAX_OPEN) return;
    const parent = readTraceContext([trace.traceparent], trace.tracestate === undefined ? [] : [trace.tracestate]);
    if (parent === null || !this.#tracing.samples(parent.traceId, parent)) return;
    const span = this.#tracing.start({
      name: 'apply routes',
      kind: 'consumer',
      parent,
      attributes: {
        'messaging.system': 'redis',
        'messaging.operation.type': 'process',
        'messaging.operation.name': 'apply',
        'messaging.destination.name': 'routes',
        'fabric.namespace': routes.namespace,
        'fabric.app': routes.app,
        'fabric.route.revision': revision,
        'fabric.proxy.id': this.#proxyId(),
      },
    });
    this.#open.push({ span, revision });
  }

  refused({ revision }: RouteDocument, reason: string): void {
    const [refused] = this.#open.filter((one) => one.revision === revision);
    if (refused === undefined) return;
    this.#open = this.#open.filter((one) => one !== refused);
    refused.span.set({ 'fabric.rejection': reason });
    refused.span.fail('route_document_rejected');
    refused.span.end();
  }

  /** All of the proxy has seen the stream up to here. */
  applied(revision: number | null): void {
    if (revision === null || this.#open.length === 0) return;
    for (const { span } of this.#open.filter((one) => one.revision <= revision)) span.end();
    this.#open = this.#open.filter((one) => one.revision > revision);
  }
}
