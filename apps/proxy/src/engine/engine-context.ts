import type { ForwarderLimits, Gateway } from '../upstream/forwarder.js';

/** What the connections of one engine share. */
export interface EngineContext {
  readonly gateway: Gateway;
  readonly limits: ForwarderLimits;
  /** Milliseconds of the engine's own clock, see {@link Deadlines}. */
  readonly now: number;
  /** The engine closes: what runs is finished, nothing new begins on a connection. */
  readonly draining: boolean;
}

/** Something that must not wait for ever. */
export interface Expiring {
  /** On the engine's clock; 0: nothing is waited for. */
  deadline: number;
  expired(): void;
}
