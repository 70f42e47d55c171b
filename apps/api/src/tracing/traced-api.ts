import type { TracedProgram } from '@app-fabric/tracing';

/** As what an API replica appears in traces. */
export const TRACED_API: TracedProgram = { name: 'app-fabric-api' };
