/** Everything routing knows of one app: the input of {@link compileApp}, and the body of a route document. Weights are in basis points. */
export interface AppRoutes {
  namespace: string;
  app: string;
  /** What to do where there is no distribution. */
  fallback: Fallback;
  /** What to do when the picked version has no usable instance. */
  onUnavailable: OnUnavailable;
  affinity?: Affinity;
  /** May `Accept: …; app-version=2` pin a version? */
  pinByAccept?: boolean;
  /** Rules for some of the consumers, tried in this order before affinity and distribution. */
  audiences?: AudienceRule[];
  /** Copies of requests for another version. */
  mirror?: Mirror;
  limits?: Limits;
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
  /** Where consumers reach it without a path of the fabric. */
  hosts?: HostRoute;
}

export interface ServiceVersionRoutes {
  version: number;
  /** The run that the instances belong to: for logs and traces, nothing is routed by it. */
  runId?: string;
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
  /** How long a cookie that the proxy sets lives; without it, as long as the browser's session. */
  ttlSeconds?: number;
}

/** All conditions hold: the request goes where `then` says. Versions that `then` names need not run, nor exist. */
export interface AudienceRule {
  name: string;
  when: AudienceCondition[];
  then: { version: number } | { weights: WeightsRecord };
}

export const AUDIENCE_BY = ['header', 'cookie', 'query', 'address'] as const;

/** One value of the request, and what it has to be. Values are compared as they are, case included. */
export type AudienceCondition = ({ by: 'header' | 'cookie' | 'query'; name: string } & TextTest) | { by: 'address'; cidr: string[] };

export type TextTest = { equals: string } | { oneOf: string[] } | { prefix: string } | { present: boolean };

export interface MirrorTarget {
  version: number;
  /** Share of the requests that are copied, in basis points; 0 is off. */
  shareBp: number;
  /** Requests with a larger body are not copied. Default: {@link DEFAULT_MIRROR_BODY_BYTES}. */
  maxBodyBytes?: number;
}

/** The app's own target, and other ones for some of its services. */
export interface Mirror extends MirrorTarget {
  services?: Record<string, MirrorTarget>;
}

/** At least one of rate and `concurrent`. For a whole proxy, however many processes it is made of. */
export interface Limit {
  /** Sustained rate. */
  requestsPerSecond?: number;
  /** Requests that may come at once above the rate. Default: those of one second, at least 1. */
  burst?: number;
  /** Requests in flight. */
  concurrent?: number;
}

/** By service, over all its versions; and by version (decimal), over all its services. */
export interface Limits {
  services?: Record<string, Limit>;
  versions?: Record<string, Limit>;
}

export interface HostRoute {
  /** Names, or `*.` and a name for everything below it; lower case, without port. */
  hosts: string[];
  /** `/`, or whole segments without a slash at the end: `/cart`. */
  pathPrefix: string;
}

export const DEFAULT_MIRROR_BODY_BYTES = 65_536;

/** How much of each the settings of one app may hold: what control plane and proxy both refuse to exceed. */
export const ROUTING_BOUNDS = {
  affinityTtlSeconds: 34_560_000,
  audiences: 64,
  conditions: 16,
  valuesPerCondition: 256,
  valueLength: 256,
  mirroredServices: 256,
  mirrorBodyBytes: 10_485_760,
  limits: 256,
  minRequestsPerSecond: 0.01,
  maxLimit: 1_000_000,
  hostsPerService: 64,
} as const;
