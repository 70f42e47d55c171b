import type { Span, Tracing } from '@app-fabric/tracing';
import type { OutboxEntry } from '../publishing/route-outbox.repository.js';
import { contextOf } from './origin.js';

/** A change goes on the bus, by OpenTelemetry's conventions for messaging. Null: the request that made it was not recorded. */
export function publishSpan(tracing: Tracing | null, { revision, namespace, app, trace }: OutboxEntry): Span | null {
  const parent = contextOf(trace);
  if (tracing === null || parent === null || !tracing.samples(parent.traceId, parent)) return null;
  return tracing.start({
    name: 'publish routes',
    kind: 'producer',
    parent,
    attributes: {
      'messaging.system': 'redis',
      'messaging.operation.type': 'send',
      'messaging.operation.name': 'publish',
      'messaging.destination.name': 'routes',
      'fabric.namespace': namespace,
      'fabric.app': app,
      'fabric.route.revision': revision,
    },
  });
}
