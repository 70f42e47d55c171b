import type { TraceContext } from './trace-context.js';

type AttributeValue = string | number | boolean;
export type Attributes = Record<string, AttributeValue>;
export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer';

export interface NewSpan {
  /** Of few different texts: what differs from one to the next is an attribute. */
  name: string;
  kind: SpanKind;
  /** Null: a new trace begins. */
  parent: TraceContext | null;
  /** Where a new trace begins, its id: the one that {@link Tracing.samples} has decided about. */
  traceId?: string;
  attributes: Attributes;
}

/** Something that is recorded. */
export interface Span {
  /** For those that are called: their parent. */
  readonly context: TraceContext;
  /** Until its end. */
  readonly open: boolean;
  set(attributes: Attributes): void;
  rename(name: string): void;
  /** It is an error, of this `error.type`: a status, or a stable code. */
  fail(errorType: string): void;
  /** Once. What waits to be sent is bounded, and what is too much dropped. */
  end(): void;
}

/** Records spans and sends them in the background. Nothing here waits, throws, or grows without a bound, whatever the receiver does. */
export interface Tracing {
  /** Is it recorded what begins a trace, or has this parent? To be asked before {@link start}: most of the time that is all there is to do. */
  samples(traceId: string, parent: TraceContext | null): boolean;
  start(span: NewSpan): Span;
  /** A new id for a trace or, of 8 bytes, a span. */
  newId(bytes: 8 | 16): string;
  /** Sends what waits, for at most 1.5 s. Never rejects. */
  close(): Promise<void>;
}

/** Who records. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` come before it. */
export interface TracedProgram {
  /** `service.name` */
  name: string;
  /** Further attributes of the resource. */
  attributes?: Attributes;
}

export interface TracingLog {
  warn(fields: object, text: string): void;
}
