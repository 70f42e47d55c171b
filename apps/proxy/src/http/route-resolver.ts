import type { HostClaim, Limiter, RequestValues, RouteFailureCode, RouteReason } from '@app-fabric/routing';
import type { InstanceState } from '../upstream/instance.js';
import type { RequestFields } from './fields.js';

/** What a request asks for. */
export interface RouteQuery {
  namespace: string;
  app: string;
  service: string;
  /** Pin of the path: version or alias. */
  pathVersion: string | undefined;
  /** `X-App-Version`: version or alias. */
  versionHeader: string | undefined;
  /** `X-Artifact-Version` */
  artifactHeader: string | undefined;
  /** For pins by `Accept`. */
  fields: RequestFields;
  /** For audiences and affinity. */
  values: RequestValues;
  /** An id for a consumer that affinity does not know yet. */
  newConsumerId(): string;
}

export type Resolution =
  | {
      ok: true;
      version: number;
      artifactVersion: string;
      /** Of the version's instances; `null`: unknown. */
      runId: string | null;
      reason: RouteReason;
      instance: InstanceState;
      /** All instances of the version. */
      peers: readonly InstanceState[];
      /** Where a copy of the request goes; `null`: there is none. */
      mirror: { version: number; instance: InstanceState; maxBodyBytes: number } | null;
      serviceLimiter: Limiter | null;
      versionLimiter: Limiter | null;
      /** Value of the Set-Cookie that makes the consumer known; `null`: none is needed. */
      affinityCookie: string | null;
      /** Another instance of the same version; `null` when there is none. */
      pickOther(failed: InstanceState): InstanceState | null;
      /** The request no longer uses the instance (its count is lowered already). */
      released(instance: InstanceState): void;
    }
  | {
      ok: false;
      code: RouteFailureCode;
      detail: string;
      /** True when namespace, app and service are names of the table: they may become labels. */
      serviceExists: boolean;
    };

/** The table as the gateway sees it. */
export interface RouteResolver {
  /** False until a table is loaded. */
  readonly ready: boolean;
  /** Whose a request is by its host and path (without query). */
  lookupHost(authority: string, path: string): HostClaim | undefined;
  resolve(query: RouteQuery): Resolution;
}
