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
import { appKey, NAME_PATTERN } from './names.js';
import { readPlainUrl } from './plain-url.js';
import {
  array,
  boolean,
  entries,
  fail,
  field,
  integer,
  object,
  oneOf,
  optional,
  type Parsed,
  parseWith,
  shortText,
  text,
  unique,
} from './read.js';
import { readAffinity, readAudiences, readHosts, readLimits, readMirror } from './read-routing.js';
import { readVersion, readWeights } from './read-weights.js';

const MAX_VERSIONS = 100_000;
const MAX_SERVICES = 10_000;
const MAX_INSTANCES = 10_000;
const MAX_ALIASES = 100_000;
const MAX_TRACEPARENT = 256;
const MAX_TRACESTATE = 512;

/**
 * Reads a route document; refuses it whole, with the path of what is wrong. Never throws, whatever comes. Unknown fields are ignored, so
 * that a newer control plane can say more to older proxies; what changes the meaning of known fields needs another `format`.
 */
export function parseRouteDocument(input: unknown): Parsed<RouteDocument> {
  return parseWith(() => readDocument(input, 'document'));
}

/** Reads one step of the stream. The document must be of the app that `key` names. */
export function parseRouteChange(input: unknown): Parsed<RouteChange> {
  return parseWith(() => {
    const fields = object(input, 'change');
    const head = readHead(fields, 'change');
    const previous = integer(field(fields, 'previous'), 'change.previous', 0);
    if (previous >= head.revision) fail('change.previous', 'must be below the revision');
    const key = shortText(field(fields, 'key'), 'change.key', 257);
    const raw = field(fields, 'document');
    const document = raw === null ? null : readDocument(raw, 'document');
    if (document && appKey(document.routes.namespace, document.routes.app) !== key) fail('change.key', 'is not that of the document');
    return { ...head, previous, key, document };
  });
}

export function readHead(fields: Record<string, unknown>, path: string): RouteHead {
  return {
    epoch: text(field(fields, 'epoch'), `${path}.epoch`, /^[A-Za-z0-9-]{1,64}$/, 'an epoch'),
    revision: integer(field(fields, 'revision'), `${path}.revision`, 0),
  };
}

function readDocument(input: unknown, path: string): RouteDocument {
  const fields = object(input, path);
  if (field(fields, 'format') !== 1) fail(`${path}.format`, 'must be 1');
  return {
    format: 1,
    revision: integer(field(fields, 'revision'), `${path}.revision`, 0),
    routes: readRoutes(field(fields, 'routes'), 'routes'),
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

function readRoutes(input: unknown, path: string): AppRoutes {
  const fields = object(input, path);
  const versions = array(field(fields, 'versions'), `${path}.versions`, MAX_VERSIONS, readVersionRef);
  unique(versions, `${path}.versions`, ({ version }) => version);
  const known = new Set(versions.map(({ version }) => version));
  const services = array(field(fields, 'services'), `${path}.services`, MAX_SERVICES, (item, at) => readService(item, at, known));
  unique(services, `${path}.services`, ({ name }) => name);
  return {
    namespace: name(field(fields, 'namespace'), `${path}.namespace`),
    app: name(field(fields, 'app'), `${path}.app`),
    fallback: oneOf(field(fields, 'fallback'), `${path}.fallback`, FALLBACKS),
    onUnavailable: oneOf(field(fields, 'onUnavailable'), `${path}.onUnavailable`, ON_UNAVAILABLE),
    ...optional(fields, path, 'affinity', readAffinity),
    ...optional(fields, path, 'pinByAccept', boolean),
    ...optional(fields, path, 'audiences', readAudiences),
    ...optional(fields, path, 'mirror', readMirror),
    ...optional(fields, path, 'limits', readLimits),
    aliases: Object.fromEntries(
      entries(field(fields, 'aliases'), `${path}.aliases`, MAX_ALIASES, (alias, version, at) => {
        name(alias, at);
        const target = readVersion(version, at);
        return known.has(target) ? target : fail(at, `names version ${target}, which does not exist`);
      }),
    ),
    versions,
    weights: readWeights(field(fields, 'weights'), `${path}.weights`),
    services,
  };
}

function readService(input: unknown, path: string, known: ReadonlySet<number>): ServiceRoutes {
  const fields = object(input, path);
  const versions = array(field(fields, 'versions'), `${path}.versions`, MAX_VERSIONS, (item, at): ServiceVersionRoutes => {
    const own = object(item, at);
    const version = readVersion(field(own, 'version'), `${at}.version`);
    if (!known.has(version)) fail(`${at}.version`, `is ${version}, which is not among the versions`);
    const instances = array(field(own, 'instances'), `${at}.instances`, MAX_INSTANCES, readInstance);
    unique(instances, `${at}.instances`, ({ id }) => id);
    return { version, ...optional(own, at, 'runId', name), instances };
  });
  unique(versions, `${path}.versions`, ({ version }) => version);
  return {
    name: name(field(fields, 'name'), `${path}.name`),
    weights: readWeights(field(fields, 'weights'), `${path}.weights`),
    versions,
    ...optional(fields, path, 'hosts', readHosts),
  };
}

function readInstance(input: unknown, path: string): InstanceRef {
  const fields = object(input, path);
  const url = shortText(field(fields, 'url'), `${path}.url`, 2_000);
  if (readPlainUrl(url) === null && !isBaseUrl(url))
    fail(`${path}.url`, 'must be an http:// or https:// URL without user, query and fragment');
  return { id: name(field(fields, 'id'), `${path}.id`), url };
}

/** The base of an instance's paths. */
function isBaseUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false;
  return url.host !== '' && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}

function readVersionRef(input: unknown, path: string): AppVersionRef {
  const fields = object(input, path);
  return {
    version: readVersion(field(fields, 'version'), `${path}.version`),
    artifactVersion: text(field(fields, 'artifactVersion'), `${path}.artifactVersion`, /^[\x21-\x7e]{1,128}$/, 'a version of an artifact'),
  };
}

function name(value: unknown, path: string): string {
  return text(value, path, NAME_PATTERN, 'a name');
}
