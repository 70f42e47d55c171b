import type { AppRoutes } from '@app-fabric/routing';

/** Where the control plane's stream of changes stands. `epoch` names the database; revisions of two epochs cannot be compared. */
export interface RouteHead {
  epoch: string;
  revision: number;
}

/** Where the trace of a change stands: the values of the headers of these names (W3C Trace Context). */
export interface TraceOrigin {
  traceparent: string;
  tracestate?: string;
}

/** One app's routes as of `revision`. */
export interface RouteDocument {
  format: 1;
  revision: number;
  routes: AppRoutes;
  /** Of the change that has led to it, where that is recorded. */
  trace?: TraceOrigin;
}

/** One step of the gapless stream: `previous` is always the revision before. `document: null` means that the app is gone. */
export interface RouteChange extends RouteHead {
  previous: number;
  /** `namespace/app` */
  key: string;
  document: RouteDocument | null;
}

/** The whole state at `revision`: what a proxy reads when it starts or has seen a gap, and what it keeps on disk. */
export interface RouteSnapshot extends RouteHead {
  documents: RouteDocument[];
}

/** An app whose newest document a proxy has refused. It routes the app by an older one, or not at all. */
export interface RejectedApp {
  /** `namespace/app` */
  key: string;
  /** Of the document that was refused last. */
  revision: number;
  /** Of the document that the app is routed by; 0: one of another epoch; null: none, so no request goes to any instance of the app. */
  heldRevision: number | null;
  reason: string;
  at: string;
}

/** What a proxy says of itself, every second and at once after applying a change. */
export interface ProxyReport {
  proxyId: string;
  /** New at each start of the proxy. */
  bootId: string;
  /** Address of the proxy's admin port. */
  adminUrl: string;
  /** It routes by everything up to here; `null` while it has no table. */
  applied: RouteHead | null;
  /** It routes by everything up to here but for the apps in `rejected`; never below `applied`, and of the same epoch. */
  seenRevision: number | null;
  /** At most `MAX_REJECTED_APPS`. */
  rejected: RejectedApp[];
  lastRejection: { revision: number; key: string; reason: string; at: string } | null;
  /** Instance id → requests in flight, only where above 0. Instances that have left the table but still finish something are included. */
  inFlight: Record<string, number>;
  /** True in the last report of a clean shutdown: nobody needs to wait for this proxy any more. */
  leaving: boolean;
  /** ISO 8601 */
  at: string;
}
