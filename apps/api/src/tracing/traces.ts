import { AsyncLocalStorage } from 'node:async_hooks';
import type { NewSpan, Span, TraceContext, Tracing } from '@app-fabric/tracing';

type SpanBelow = Omit<NewSpan, 'parent' | 'traceId'>;

/** What of the API's work is recorded, and what is recorded at the moment: work is below the request that it is done for. */
export class Traces {
  private readonly current = new AsyncLocalStorage<{ span: Span; lasts: () => boolean }>();

  /** @param tracing null: nothing is recorded, and all of this costs nothing */
  constructor(readonly tracing: Tracing | null) {}

  /**
   * Of the request that is being worked on, for whoever goes on with it elsewhere; null when it is not recorded. What a request has started and what
   * goes on after its answer does not belong to it any more.
   */
  get context(): TraceContext | null {
    const current = this.current.getStore();
    return current?.span.open && current.lasts() ? current.span.context : null;
  }

  /** Runs `work`, and all that it starts, as work of this span, as long as `lasts` says so and the span is open. */
  within<T>(span: Span, lasts: () => boolean, work: () => T): T {
    return this.current.run({ span, lasts }, work);
  }

  /** Runs `work` as nobody's: what serves all must not look like the work of the request that has woken it. */
  outside<T>(work: () => T): T {
    return this.tracing === null ? work() : this.current.exit(work);
  }

  /** Runs `work`, recorded below the current span where there is one. An error passes, and is noted as `errorType` says. */
  async record<T>(below: SpanBelow, errorType: (error: unknown) => string, work: () => Promise<T>): Promise<T> {
    const parent = this.context;
    if (parent === null || this.tracing === null) return work();
    const span = this.tracing.start({ ...below, parent });
    try {
      return await work();
    } catch (error) {
      span.fail(errorType(error));
      throw error;
    } finally {
      span.end();
    }
  }
}
