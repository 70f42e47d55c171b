import { createTraceState, ROOT_CONTEXT, type Span as SdkSpan, SpanKind as SdkSpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  type IdGenerator,
  type ReadableSpan,
  type SpanExporter,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { createRandomIds, newTraceId } from './random-ids.js';
import { resourceOf } from './resource.js';
import { shutDown } from './shut-down.js';
import { SAMPLED, type TraceContext } from './trace-context.js';
import type { Attributes, NewSpan, Span, SpanKind, TracedProgram, Tracing, TracingLog } from './tracing.js';
import type { TracingSettings } from './tracing-settings.js';

/** Batches on their way at once: those of a whole queue at the end of a program, and some that hang. */
const MAX_EXPORTS = 8;

const RANDOM_IDS = createRandomIds();
/** Of the 56 bits at a trace id's end that W3C Trace Context level 2 holds for random: as many as a number holds exactly. */
const RANDOM_BITS = 52;

const KINDS: Record<SpanKind, SdkSpanKind> = {
  internal: SdkSpanKind.INTERNAL,
  server: SdkSpanKind.SERVER,
  client: SdkSpanKind.CLIENT,
  producer: SdkSpanKind.PRODUCER,
  consumer: SdkSpanKind.CONSUMER,
};

/** {@link Tracing} by OpenTelemetry's SDK. The only module that knows it; loaded only where something is traced. */
export class OpenTelemetryTracing implements Tracing {
  private readonly ids = new ChosenIds();
  /** Of the trace ids, those above are recorded: see {@link samples}. */
  private readonly threshold: number;
  private readonly parentBased: boolean;
  private readonly provider: TracerProvider;
  private readonly tracer: ReturnType<TracerProvider['getTracer']>;
  private closing: Promise<void> | null = null;

  constructor({ sampler, batches, maxAttributeLength, receiver }: TracingSettings, program: TracedProgram, log: TracingLog) {
    this.threshold = (1 - sampler.ratio) * 2 ** RANDOM_BITS;
    this.parentBased = sampler.parentBased;
    const exporter = new WatchedExporter(new OTLPTraceExporter({ concurrencyLimit: MAX_EXPORTS }), receiver, log);
    this.provider = new TracerProvider({
      resource: resourceOf(program, log),
      // Whether something is recorded was decided before: the decision must cost nothing where the answer is no.
      sampler: new AlwaysOnSampler(),
      idGenerator: this.ids,
      spanProcessors: [new BatchSpanProcessor({ exporter, ...batches })],
      spanLimits: { attributeValueLengthLimit: maxAttributeLength },
    });
    this.tracer = this.provider.getTracer('app-fabric');
  }

  samples(traceId: string, parent: TraceContext | null): boolean {
    if (parent !== null && this.parentBased) return (parent.flags & SAMPLED) !== 0;
    return randomnessOf(traceId) >= this.threshold;
  }

  start({ name, kind, parent, traceId, attributes }: NewSpan): Span {
    this.ids.nextTraceId = traceId ?? null;
    const context = parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, sdkContext(parent));
    const span = this.tracer.startSpan(name, { kind: KINDS[kind] }, context);
    // Not at the start: there the SDK checks and copies them three times.
    span.setAttributes(attributes);
    return new RecordedSpan(span, parent);
  }

  newId(bytes: 8 | 16): string {
    return newTraceId(RANDOM_IDS, bytes);
  }

  close(): Promise<void> {
    this.closing ??= shutDown(this.provider);
    return this.closing;
  }
}

class RecordedSpan implements Span {
  readonly context: TraceContext;

  constructor(
    private readonly span: SdkSpan,
    parent: TraceContext | null,
  ) {
    const { traceId, spanId } = span.spanContext();
    this.context = { traceId, spanId, flags: (parent?.flags ?? 0) | SAMPLED, tracestate: parent?.tracestate ?? '' };
  }

  get open(): boolean {
    return this.span.isRecording();
  }

  set(attributes: Attributes): void {
    this.span.setAttributes(attributes);
  }

  rename(name: string): void {
    this.span.updateName(name);
  }

  fail(errorType: string): void {
    this.span.setAttribute('error.type', errorType);
    this.span.setStatus({ code: SpanStatusCode.ERROR });
  }

  end(): void {
    this.span.end();
  }
}

/** The id of a new trace is that which was decided about. */
class ChosenIds implements IdGenerator {
  nextTraceId: string | null = null;

  generateTraceId(): string {
    return this.nextTraceId ?? newTraceId(RANDOM_IDS, 16);
  }

  generateSpanId(): string {
    return newTraceId(RANDOM_IDS, 8);
  }
}

/** Says in the log when sending begins to fail and when it works again, not each time. */
class WatchedExporter implements SpanExporter {
  private lost = 0;

  constructor(
    private readonly exporter: SpanExporter,
    private readonly receiver: string,
    private readonly log: TracingLog,
  ) {}

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.exporter.export(spans, (result) => {
      if (result.code === ExportResultCode.SUCCESS) this.sent();
      else this.failed(spans.length, result.error);
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.exporter.shutdown();
  }

  private sent(): void {
    if (this.lost > 0) this.log.warn({ receiver: this.receiver, lost: this.lost }, 'spans are sent again');
    this.lost = 0;
  }

  private failed(count: number, error: Error | undefined): void {
    if (this.lost === 0)
      this.log.warn(
        { receiver: this.receiver, reason: error?.message },
        'spans cannot be sent and are dropped; it is tried again with the next ones',
      );
    this.lost += count;
  }
}

function sdkContext({ traceId, spanId, flags, tracestate }: TraceContext) {
  const context = { traceId, spanId, traceFlags: flags, isRemote: true };
  return tracestate === '' ? context : { ...context, traceState: createTraceState(tracestate) };
}

/** OpenTelemetry's consistent probability sampling: whoever has the same ratio decides the same about a trace. */
function randomnessOf(traceId: string): number {
  return Number.parseInt(traceId.slice(18, 31), 16);
}
