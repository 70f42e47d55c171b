import type { TraceOrigin } from '@app-fabric/contracts';
import { readTraceContext, type TraceContext, traceparentOf } from '@app-fabric/tracing';

/** As it is stored and sent. */
export function originOf(context: TraceContext | null): TraceOrigin | null {
  if (context === null) return null;
  return { traceparent: traceparentOf(context), ...(context.tracestate === '' ? {} : { tracestate: context.tracestate }) };
}

export function contextOf(origin: TraceOrigin | null): TraceContext | null {
  if (origin === null) return null;
  return readTraceContext([origin.traceparent], origin.tracestate === undefined ? [] : [origin.tracestate]);
}
