import type { TracedProgram, Tracing, TracingLog } from './tracing.js';
import type { TracingSettings } from './tracing-settings.js';

/** Null where nothing is to be traced: then OpenTelemetry's packages are not even loaded. */
export async function startTracing(settings: TracingSettings | null, program: TracedProgram, log: TracingLog): Promise<Tracing | null> {
  if (settings === null) return null;
  const { OpenTelemetryTracing } = await import('./open-telemetry.js');
  return new OpenTelemetryTracing(settings, program, log);
}
