import { SAMPLED, type TraceContext } from '../trace-context.js';
import type { Attributes, NewSpan, Span, Tracing } from '../tracing.js';

/** A span as a test sees it. */
export interface RecordedSpan extends NewSpan {
  context: TraceContext;
  ended: boolean;
  /** `error.type`; null: it is no error. */
  error: string | null;
}

/** {@link Tracing} that keeps what is recorded. Decides by the parent; of what begins a trace, by `samplesRoots`. */
export class RecordingTracing implements Tracing {
  readonly spans: RecordedSpan[] = [];
  samplesRoots = true;
  closed = false;
  private made = 0;

  samples(_traceId: string, parent: TraceContext | null): boolean {
    return parent === null ? this.samplesRoots : (parent.flags & SAMPLED) !== 0;
  }

  start(span: NewSpan): Span {
    const context: TraceContext = {
      traceId: span.parent?.traceId ?? span.traceId ?? this.newId(16),
      spanId: this.newId(8),
      flags: SAMPLED,
      tracestate: span.parent?.tracestate ?? '',
    };
    const recorded: RecordedSpan = { ...span, attributes: { ...span.attributes }, context, ended: false, error: null };
    this.spans.push(recorded);
    return {
      context,
      get open() {
        return !recorded.ended;
      },
      set(attributes: Attributes) {
        Object.assign(recorded.attributes, attributes);
      },
      rename(name) {
        recorded.name = name;
      },
      fail(errorType) {
        recorded.error = errorType;
      },
      end() {
        if (recorded.ended) throw new Error(`${recorded.name} has ended already`);
        recorded.ended = true;
      },
    };
  }

  newId(bytes: 8 | 16): string {
    this.made += 1;
    return this.made.toString(16).padStart(bytes * 2, '0');
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
