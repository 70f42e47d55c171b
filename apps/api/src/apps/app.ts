import type { Affinity, Fallback, OnUnavailable } from '@app-fabric/routing';

export interface Routing {
  /** What versionless requests do where there is no distribution. */
  fallback: Fallback;
  /** What they do when the picked version has no usable instance. */
  onUnavailable: OnUnavailable;
  affinity: Affinity | null;
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
}

export interface Alias {
  alias: string;
  version: number;
  revision: number;
  updatedAt: Date;
}

export const DEFAULT_ROUTING: Routing = { fallback: 'random', onUnavailable: 'redistribute', affinity: null };

/** `latest` always means "as the distribution says", and digits are versions: neither can be an alias. */
export function isReservedAlias(alias: string): boolean {
  return alias === 'latest' || /^\d+$/.test(alias);
}
