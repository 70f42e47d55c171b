import { text } from './read.js';

/** What namespaces, apps, services, aliases and instances may be called. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export const readName = text(NAME_PATTERN, 'a name');

/** An app's key in the store, in changes and in the outbox. Names hold no slash. */
export function appKey(namespace: string, app: string): string {
  return `${namespace}/${app}`;
}

/** All keys and channels in Redis. Several App Fabrics can share one Redis under different prefixes. */
export interface BusNames {
  /** Hash: app key → route document. */
  documents: string;
  /** Hash: `epoch`, `revision`, and `apps`, how many documents belong to it. */
  head: string;
  /** Channel: route messages. */
  changes: string;
  /** Set of the ids of proxies that have reported. */
  proxies: string;
  /** String with the last report of a proxy; expires. */
  proxy(proxyId: string): string;
  /** Channel: proxies' reports. */
  reports: string;
  /** Stream: measurement frames that are not accounted for yet, at most {@link MAX_STORED_FRAMES}. */
  measurements: string;
}

export const DEFAULT_PREFIX = 'fabric:';

export function busNames(prefix = DEFAULT_PREFIX): BusNames {
  return {
    documents: `${prefix}routes`,
    head: `${prefix}routes:head`,
    changes: `${prefix}routes:changes`,
    proxies: `${prefix}proxies`,
    proxy: (proxyId) => `${prefix}proxy:${proxyId}`,
    reports: `${prefix}proxies:reports`,
    measurements: `${prefix}measurements`,
  };
}

/** A proxy that has said nothing for this long is gone. */
export const REPORT_TTL_MS = 10_000;

/** In one report of a proxy. */
export const MAX_REJECTED_APPS = 100;

/** While nobody takes them, the oldest go first. What they counted is in later ones too; only when it happened becomes less exact. */
export const MAX_STORED_FRAMES = 5_000;
