import {
  type AppRoutes,
  type AppVersionRef,
  FALLBACKS,
  type InstanceRef,
  ON_UNAVAILABLE,
  type ServiceRoutes,
  type ServiceVersionRoutes,
} from '@app-fabric/routing';
import type { RouteChange, RouteDocument, RouteHead, TraceOrigin } from './messages.js';
import { appKey, readName } from './names.js';
import { isPlainUrl } from './plain-url.js';
import {
  boolean,
  fail,
  field,
  integer,
  list,
  member,
  object,
  oneOf,
  optional,
  orNull,
  type Parsed,
  parseWith,
  record,
  shortText,
  text,
} from './read.js';
import { readAffinity, readAudiences, readHosts, readLimits, readMirror } from './read-routing.js';
import { readVersion, readWeights } from './read-weights.js';

const MAX_VERSIONS = 100_000;
const MAX_SERVICES = 10_000;
const MAX_INSTANCES = 10_000;
const MAX_ALIASES = 100_000;
const MAX_TRACEPARENT = 256;
const MAX_TRACESTATE = 512;

const readEpoch = text(/^[A-Za-z0-9-]{1,64}$/, 'an epoch');
const readRevision = integer(0);
const readKey = shortText(257);
const readUrl = shortText(2_000);
const readArtifactVersion = text(/^[\x21-\x7e]{1,128}$/, 'a version of an artifact');
const readFallback = oneOf(FALLBACKS);
const readOnUnavailable = oneOf(ON_UNAVAILABLE);
const readVersions = list(MAX_VERSIONS, readVersionRef, ({ version }) => version);
const readServiceVersions = list(MAX_VERSIONS, readServiceVersion, ({ version }) => version);
const readServices = list(MAX_SERVICES, readService, ({ name }) => name);
const readInstances = list(MAX_INSTANCES, readInstance, ({ id }) => id);
const readAliases = record(MAX_ALIASES, (version, alias) => {
  readName(alias);
  return readVersion(version);
});
const readDocumentOrNull = orNull(readDocument);

/**
 * Reads a route document; refuses it whole, with the path of what is wrong. Never throws, whatever comes. Unknown fields are ignored, so
 * that a newer control plane can say more to older proxies; what changes the meaning of known fields needs another `format`.
 */
export function parseRouteDocument(input: unknown): Parsed<RouteDocument> {
  return parseWith('document', () => readDocument(input));
}

/** Reads one step of the stream. The document must be of the app that `key` names. */
export function parseRouteChange(input: unknown): Parsed<RouteChange> {
  return parseWith('change', () => {
    const fields = object(input);
    const { epoch, revision } = readHead(fields);
    const previous = member(fields, 'previous', readRevision);
    if (previous >= revision) fail('must be below the revision', '.previous');
    const key = member(fields, 'key', readKey);
    const document = member(fields, 'document', readDocumentOrNull);
    if (document && appKey(document.routes.namespace, document.routes.app) !== key) fail('is not that of the document', '.key');
    return { epoch, revision, previous, key, document };
  });
}

export function readHead(fields: Record<string, unknown>): RouteHead {
  return { epoch: member(fields, 'epoch', readEpoch), revision: member(fields, 'revision', readRevision) };
}

function readDocument(input: unknown): RouteDocument {
  const fields = object(input);
  if (field(fields, 'format') !== 1) fail('must be 1', '.format');
  return {
    format: 1,
    revision: member(fields, 'revision', readRevision),
    routes: member(fields, 'routes', readRoutes),
    ...readTrace(field(fields, 'trace')),
  };
}

/** Routes are not refused for a trace that cannot be read: it is left out. */
function readTrace(input: unknown): { trace?: TraceOrigin } {
  if (typeof input !== 'object' || input === null) return {};
  const { traceparent, tracestate } = input as Record<string, unknown>;
  if (typeof traceparent !== 'string' || traceparent.length > MAX_TRACEPARENT) return {};
  const stated = typeof tracestate === 'string' && tracestate.length <= MAX_TRACESTATE;
  return { trace: { traceparent, ...(stated ? { tracestate } : {}) } };
}

function readRoutes(input: unknown): AppRoutes {
  const fields = object(input);
  const versions = member(fields, 'versions', readVersions);
  const services = member(fields, 'services', readServices);
  const routes: AppRoutes = {
    namespace: member(fields, 'namespace', readName),
    app: member(fields, 'app', readName),
    fallback: member(fields, 'fallback', readFallback),
    onUnavailable: member(fields, 'onUnavailable', readOnUnavailable),
    ...optional(fields, 'affinity', readAffinity),
    ...optional(fields, 'pinByAccept', boolean),
    ...optional(fields, 'audiences', readAudiences),
    ...optional(fields, 'mirror', readMirror),
    ...optional(fields, 'limits', readLimits),
    aliases: member(fields, 'aliases', readAliases),
    versions,
    weights: member(fields, 'weights', readWeights),
    services,
  };
  refuseUnknownVersions(routes);
  return routes;
}

/** Aliases and services can only be of versions that there are. */
function refuseUnknownVersions({ aliases, versions, services }: AppRoutes): void {
  const known = new Set(versions.map(({ version }) => version));
  for (const alias of Object.keys(aliases))
    if (!known.has(aliases[alias]!)) fail(`names version ${aliases[alias]}, which does not exist`, `.aliases.${alias}`);
  services.forEach((service, index) => {
    service.versions.forEach(({ version }, at) => {
      if (!known.has(version)) fail(`is ${version}, which is not among the versions`, `.services[${index}].versions[${at}].version`);
    });
  });
}

function readService(input: unknown): ServiceRoutes {
  const fields = object(input);
  return {
    name: member(fields, 'name', readName),
    weights: member(fields, 'weights', readWeights),
    versions: member(fields, 'versions', readServiceVersions),
    ...optional(fields, 'hosts', readHosts),
  };
}

function readServiceVersion(input: unknown): ServiceVersionRoutes {
  const fields = object(input);
  return {
    version: member(fields, 'version', readVersion),
    ...optional(fields, 'runId', readName),
    instances: member(fields, 'instances', readInstances),
  };
}

function readInstance(input: unknown): InstanceRef {
  const fields = object(input);
  const url = member(fields, 'url', readUrl);
  if (!isPlainUrl(url) && !isBaseUrl(url)) fail('must be an http:// or https:// URL without user, query and fragment', '.url');
  return { id: member(fields, 'id', readName), url };
}

/** The base of an instance's paths. */
function isBaseUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false;
  return url.host !== '' && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}

function readVersionRef(input: unknown): AppVersionRef {
  const fields = object(input);
  return { version: member(fields, 'version', readVersion), artifactVersion: member(fields, 'artifactVersion', readArtifactVersion) };
}
