export { alsoTo, type LogExport, type PrintedLine, startLogExport } from './log-export.js';
export { type LogExportSettings, readLogExportSettings } from './log-export-settings.js';
export { createRandomIds, type IdSource, newTraceId } from './random-ids.js';
export { startTracing } from './start-tracing.js';
export { readTraceContext, SAMPLED, type TraceContext, traceparentOf } from './trace-context.js';
export type {
  Attributes,
  NewSpan,
  Span,
  SpanKind,
  TracedProgram,
  Tracing,
  TracingLog,
} from './tracing.js';
export { readTracingSettings, type TracingSettings } from './tracing-settings.js';
