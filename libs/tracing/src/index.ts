export { alsoTo, type LogExport, type PrintedLine } from './log-export.js';
export { type LogExportSettings, readLogExportSettings } from './log-export-settings.js';
export { createRandomIds, type IdSource, newTraceId } from './random-ids.js';
export { serverAttributes } from './server-attributes.js';
export { startLogExport } from './start-log-export.js';
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
