import type { Affinity, AudienceRule, Fallback, Limits, Mirror, OnUnavailable } from '@app-fabric/routing';

export interface Routing {
  /** What versionless requests do where there is no distribution. */
  fallback: Fallback;
  /** What they do when the picked version has no usable instance. */
  onUnavailable: OnUnavailable;
  affinity: Affinity | null;
  /** May `Accept` pin a version? */
  pinByAccept: boolean;
  audiences: AudienceRule[];
  mirror: Mirror | null;
  limits: Limits | null;
}

export interface App {
  namespace: string;
  name: string;
  description: string | null;
  routing: Routing;
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

export interface AppVersion {
  namespace: string;
  app: string;
  version: number;
  artifact: { name: string; version: string };
  config: Record<string, unknown>;
  labels: Record<string, string>;
  createdAt: Date;
  createdBy: string;
  /** The version that it was promoted from; null: it was made here. Need not be there any more. */
  promotedFrom: VersionPlace | null;
  /** Where the first of its line was made: all of one line are the same build. Null: it is the first. */
  origin: VersionPlace | null;
  /** A validation of its line has failed: it is back in development, and is not promoted any more. */
  rejection: Rejection | null;
}

/** A version of the same app in some namespace. */
export interface VersionPlace {
  namespace: string;
  version: number;
}

export interface Rejection extends VersionPlace {
  check: string;
  by: string;
  /** ISO 8601. */
  at: string;
}

export interface Alias {
  alias: string;
  version: number;
  revision: number;
  updatedAt: Date;
}

export const DEFAULT_ROUTING: Routing = {
  fallback: 'random',
  onUnavailable: 'redistribute',
  affinity: null,
  pinByAccept: false,
  audiences: [],
  mirror: null,
  limits: null,
};

/** The versions that an app's routing names, each with where. They must exist when it is put, and may not be deleted as long as it stays. */
export function versionsNamedBy({ audiences, mirror, limits }: Routing): Map<number, string> {
  const named = new Map<number, string>();
  for (const version of Object.keys(limits?.versions ?? {})) named.set(Number(version), 'routing.limits');
  for (const { version } of mirror ? [mirror, ...Object.values(mirror.services ?? {})] : []) named.set(version, 'routing.mirror');
  for (const { name, then } of audiences) {
    const versions = 'version' in then ? [then.version] : Object.keys(then.weights).map(Number);
    for (const version of versions) named.set(version, `audience ${name}`);
  }
  return named;
}

/** `latest` always means "as the distribution says", and digits are versions: neither can be an alias. */
export function isReservedAlias(alias: string): boolean {
  return alias === 'latest' || /^\d+$/.test(alias);
}
