import { ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';
import type { Logger } from '@opentelemetry/api-logs';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { BatchLogRecordProcessor, LoggerProvider, type LogRecordExporter, type ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { LogExport, PrintedLine } from './log-export.js';
import type { LogExportSettings } from './log-export-settings.js';
import { readPinoLine } from './pino-line.js';
import { resourceOf } from './resource.js';
import { shutDown } from './shut-down.js';
import type { TracedProgram, TracingLog } from './tracing.js';

/** {@link LogExport} by OpenTelemetry's SDK; loaded only where lines are sent. */
export class OpenTelemetryLogExport implements LogExport {
  private readonly provider: LoggerProvider;
  private readonly own: Logger;
  private readonly programs: Logger;
  private closing: Promise<void> | null = null;

  constructor({ receiver, batches, maxAttributeLength }: LogExportSettings, program: TracedProgram, log: TracingLog) {
    const exporter = new WatchedExporter(new OTLPLogExporter(), receiver, log);
    this.provider = new LoggerProvider({
      resource: resourceOf(program, log),
      logRecordLimits: { attributeValueLengthLimit: maxAttributeLength },
      processors: [new BatchLogRecordProcessor({ exporter, ...batches })],
    });
    this.own = this.provider.getLogger('app-fabric');
    this.programs = this.provider.getLogger('app-fabric.programs');
  }

  write(line: string): void {
    const read = readPinoLine(line);
    if (read === null) return;
    const { atMs, severity, severityText, text, traceId, spanId, attributes } = read;
    const context =
      traceId === null || spanId === null
        ? ROOT_CONTEXT
        : trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.NONE });
    this.own.emit({ timestamp: toTime(atMs), severityNumber: severity, severityText, body: text, attributes, context });
  }

  printed({ atMs, text, attributes }: PrintedLine): void {
    this.programs.emit({ timestamp: toTime(atMs), body: text, attributes, context: ROOT_CONTEXT });
  }

  close(): Promise<void> {
    this.closing ??= shutDown(this.provider);
    return this.closing;
  }
}

/** Seconds and nanoseconds: a number would be taken for something else when it is small. */
function toTime(ms: number): [number, number] {
  return [Math.floor(ms / 1_000), Math.round((ms % 1_000) * 1_000_000)];
}

/** Says in the log when sending begins to fail and when it works again: that line is one more to be sent, and the only one. */
class WatchedExporter implements LogRecordExporter {
  private failing = false;

  constructor(
    private readonly exporter: LogRecordExporter,
    private readonly receiver: string,
    private readonly log: TracingLog,
  ) {}

  export(records: ReadableLogRecord[], done: (result: ExportResult) => void): void {
    this.exporter.export(records, (result) => {
      const fails = result.code !== ExportResultCode.SUCCESS;
      if (fails !== this.failing) {
        this.failing = fails;
        if (fails) this.log.warn({ receiver: this.receiver, reason: result.error?.message }, 'log lines cannot be sent and are dropped');
        else this.log.warn({ receiver: this.receiver }, 'log lines are sent again');
      }
      done(result);
    });
  }

  forceFlush(): Promise<void> {
    return this.exporter.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.exporter.shutdown();
  }
}
