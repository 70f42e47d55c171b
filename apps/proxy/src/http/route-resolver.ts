import type { RouteFailureCode, RouteReason } from '@app-fabric/routing';
import type { InstanceState } from '../upstream/instance.js';
import type { RequestFields } from './fields.js';

/** What a request asks for. */
export interface RouteQuery {
  namespace: string;
  app: string;
  service: string;
  /** Pin of the path: version or alias. */
  pathVersion?: string;
  /** `X-App-Version`: version or alias. */
  versionHeader?: string;
  /** `X-Artifact-Version` */
  artifactHeader?: string;
  /** For affinity. */
  fields: RequestFields;
  remoteAddress: string;
}

export type Resolution =
  | {
      ok: true;
      version: number;
      artifactVersion: string;
      reason: RouteReason;
      instance: InstanceState;
      /** An instance of the same version that is none of `tried`; `null` when there is none. */
      pickOther(tried: readonly InstanceState[]): InstanceState | null;
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
  resolve(query: RouteQuery): Resolution;
}
