import type { AddressInfo } from 'node:net';
import type { ProxyReport } from '@app-fabric/contracts';
import type { Registry } from 'prom-client';
import type { DraftFrame } from './measurements/frame-source.js';
import type { RouteSink } from './table/route-sync.js';

/** How far the routes of a report have come. */
export type RouteStanding = Pick<ProxyReport, 'applied' | 'seenRevision' | 'rejected' | 'lastRejection'>;

export const NOTHING_ROUTED: RouteStanding = { applied: null, seenRevision: null, rejected: [], lastRejection: null };

/**
 * What takes the requests of a proxy: the process itself, or workers of its own. Everything that there is once for each proxy (the bus, the
 * snapshot on disk, reports, the admin port) is beside it and the same for both.
 */
export interface RequestSide {
  /** Takes what is accepted of the routes; a step is complete with {@link routesChanged}. */
  readonly sink: RouteSink;
  /** Rejects when the address cannot be had. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** The routes were read, or could not be. Resolves when requests are taken; waits for ever when they never are. */
  start(): Promise<void>;
  /** What the sink was given belongs to `standing`. Without a table requests are answered with 503 `not_ready`. */
  routesChanged(standing: RouteStanding, hasTable: boolean): void;
  /** What every request that comes now is routed by at least. */
  readonly standing: RouteStanding;
  /** Requests are taken, and there is a table. */
  readonly ready: boolean;
  /** Instance id → requests in flight, above 0 only. */
  inFlight(): Record<string, number>;
  /** What the requests were counted in. */
  metrics(): Promise<Registry>;
  /** What was counted, for the control plane: asked once a second, and once more after `close`. Never rejects. */
  frames(): Promise<DraftFrame[]>;
  /** Stands in `/readyz` and `/table`. */
  describe(): Record<string, unknown>;
  /** Takes nothing new, lets what runs finish for at most `graceMs`. Never rejects. */
  close(graceMs: number): Promise<void>;
}
