/** Injection tokens of what is made outside of Nest and handed in by {@link createApi}. */

/** `PublisherBus` of @app-fabric/bus. */
export const BUS = Symbol('BUS');
/** pino `Logger`. */
export const LOGGER = Symbol('LOGGER');
/** `ApiConfig`. */
export const CONFIG = Symbol('CONFIG');
/** `AbortSignal` that fires when the program begins to shut down: long waits (`Prefer: wait`, log following) end then. */
export const SHUTDOWN = Symbol('SHUTDOWN');
/** `LocalRuntime` of programs/run-host.ts, or null where programs cannot be started on this host. */
export const RUNTIME = Symbol('RUNTIME');
