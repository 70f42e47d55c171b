import { type IdSource, newTraceId, readTraceContext, SAMPLED, type Tracing, traceparentOf } from '@app-fabric/tracing';
import type { RequestHead } from '../upstream/forwarder.js';
import { RequestSpan } from './request-span.js';

/** The trace that a request belongs to. Every request has one. */
export interface RequestTrace {
  /** For the instance. Where there is a span, each attempt has one of its own. */
  readonly traceparent: string;
  /** '': there is none. */
  readonly tracestate: string;
  /** Null: it is not recorded. */
  readonly span: RequestSpan | null;
}

/**
 * W3C Trace Context: what came and is valid is continued, anything else is replaced by the root of a new trace; a `tracestate` belongs to the
 * `traceparent` it came with. What is not recorded passes as it came, its parent included: this proxy is then no part of the trace.
 *
 * @param tracing null: nothing is recorded here. Then new traces are marked as sampled: an unsampled parent would switch off tracing in every
 * instance that follows its parent's decision.
 */
export function openTrace(head: RequestHead, requestId: string, ids: IdSource, tracing: Tracing | null): RequestTrace {
  const sent = head.fields.values('traceparent');
  const parent = sent.length === 0 ? null : readTraceContext(sent, head.fields.values('tracestate'));
  const traceId = parent === null ? newTraceId(ids, 16) : parent.traceId;
  if (tracing?.samples(traceId, parent)) {
    const span = new RequestSpan(tracing, head, requestId, parent, traceId);
    return { traceparent: span.traceparent, tracestate: parent?.tracestate ?? '', span };
  }
  if (parent === null) {
    const flags = tracing === null ? SAMPLED : 0;
    return { traceparent: traceparentOf({ traceId, spanId: newTraceId(ids, 8), flags }), tracestate: '', span: null };
  }
  const { flags, tracestate } = parent;
  // Whoever takes the flag away is a part of the trace, and says so by an id of its own.
  const isOurs = tracing !== null && (flags & SAMPLED) !== 0;
  const traceparent = isOurs ? traceparentOf({ traceId, spanId: newTraceId(ids, 8), flags: flags & ~SAMPLED }) : (sent[0] ?? '');
  return { traceparent, tracestate, span: null };
}

export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}
