/** Everything routing knows of one app: the input of {@link compileApp}, and the body of a route document. Weights are in basis points. */
export interface AppRoutes {
  namespace: string;
  app: string;
  /** What to do where there is no distribution. */
  fallback: Fallback;
  /** What to do when the picked version has no usable instance. */
  onUnavailable: OnUnavailable;
  affinity?: Affinity;
  /** Alias name → version. */
  aliases: Record<string, number>;
  /** Every version that exists, running or not, so that a pin can say "not running" and not "unknown". */
  versions: AppVersionRef[];
  /** The app's stored distribution: version → basis points; `null` when there is none. */
  weights: WeightsRecord | null;
  services: ServiceRoutes[];
}

export interface AppVersionRef {
  version: number;
  /** The artifact's own version (semver), what `X-Artifact-Version` names. */
  artifactVersion: string;
}

export interface ServiceRoutes {
  name: string;
  /** The service's own stored distribution, which overrides the app's; `null` when there is none. */
  weights: WeightsRecord | null;
  /** The versions in which the service runs, also when none of their instances is usable at the moment. */
  versions: ServiceVersionRoutes[];
}

export interface ServiceVersionRoutes {
  version: number;
  instances: InstanceRef[];
}

export interface InstanceRef {
  id: string;
  /** Base URL, e.g. `http://127.0.0.1:41234`. */
  url: string;
}

/** Version (decimal string) → basis points; sums to 10000. */
export type WeightsRecord = Record<string, number>;

export const FALLBACKS = ['random', 'newest', 'oldest', 'none'] as const;
export type Fallback = (typeof FALLBACKS)[number];

export const ON_UNAVAILABLE = ['redistribute', 'fail'] as const;
export type OnUnavailable = (typeof ON_UNAVAILABLE)[number];

/** Keeps a consumer on one version as long as the weights allow it. `name` is the header or cookie; an address needs none. */
export interface Affinity {
  by: 'header' | 'cookie' | 'address';
  name?: string;
}
