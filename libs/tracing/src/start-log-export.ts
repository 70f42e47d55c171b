import type { LogExport } from './log-export.js';
import type { LogExportSettings } from './log-export-settings.js';
import type { TracedProgram, TracingLog } from './tracing.js';

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
