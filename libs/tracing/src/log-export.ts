import type { LogExportSettings } from './log-export-settings.js';
import type { Attributes, TracedProgram, TracingLog } from './tracing.js';

/** Sends log lines to a receiver of OTLP, besides where they go anyway. Never waits for it: what finds no room is dropped. */
export interface LogExport {
  /** A line of this program as pino writes it. What is none is left out. */
  write(line: string): void;
  /** A line that a program behind this one has printed. */
  printed(line: PrintedLine): void;
  /** Sends what there is, for a moment at most. Never rejects. */
  close(): Promise<void>;
}

export interface PrintedLine {
  atMs: number;
  /** Without its end. */
  text: string;
  attributes: Attributes;
}

/** Null where none are to be sent: then OpenTelemetry's packages are not even loaded. */
export async function startLogExport(
  settings: LogExportSettings | null,
  program: TracedProgram,
  log: TracingLog,
): Promise<LogExport | null> {
  if (settings === null) return null;
  const { OpenTelemetryLogExport } = await import('./open-telemetry-logs.js');
  return new OpenTelemetryLogExport(settings, program, log);
}

/** What pino is to write to: `destination`, and the export where there is one. */
export function alsoTo(logExport: LogExport | null, destination: LineStream): LineStream {
  if (logExport === null) return destination;
  return {
    write(line) {
      destination.write(line);
      logExport.write(line);
    },
  };
}

interface LineStream {
  write(line: string): unknown;
}
