import type { TracedProgram } from '@app-fabric/tracing';

/** As what a proxy, each of its processes, appears in traces. */
export const TRACED_PROXY: TracedProgram = { name: 'app-fabric-proxy' };
