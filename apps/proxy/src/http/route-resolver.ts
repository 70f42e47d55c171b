import type { CompiledService, HostClaim, RequestValues, RouteChoice, RouteFailureCode } from '@app-fabric/routing';
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

/** Where one request goes. */
export interface Routed {
  readonly ok: true;
  /** Version and reason. */
  readonly choice: RouteChoice<InstanceState>;
  readonly service: CompiledService<InstanceState>;
  readonly instance: InstanceState;
  /** Where a copy of the request goes; `null`: there is none. */
  readonly mirror: { version: number; instance: InstanceState; maxBodyBytes: number } | null;
  /** Value of the Set-Cookie that makes the consumer known; `null`: none is needed. */
  readonly affinityCookie: string | null;
}

export type Resolution =
  | Routed
  | {
      readonly ok: false;
      readonly code: RouteFailureCode;
      readonly detail: string;
      /** True when namespace, app and service are names of the table: they may become labels. */
      readonly serviceExists: boolean;
    };

/** The table as the gateway sees it. */
export interface RouteResolver {
  /** False until a table is loaded. */
  readonly ready: boolean;
  /** Whose a request is by its host and path (without query). */
  lookupHost(authority: string, path: string): HostClaim | undefined;
  resolve(query: RouteQuery): Resolution;
  /** Another instance of the same version; `null` when there is none. */
  pickOther(choice: RouteChoice<InstanceState>, failed: InstanceState): InstanceState | null;
  /** A request no longer uses the instance (its count is lowered already). */
  released(instance: InstanceState): void;
}
