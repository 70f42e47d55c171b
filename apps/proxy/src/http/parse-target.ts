const SLASH = 0x2f;
/** Names of namespaces, apps, services and aliases (CONTRACT §3). No `/`, no `..`, no control characters can match it. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** What a request target names. Every name is decoded and checked; `forwardPath` is as the client sent it, byte for byte. */
export interface ParsedTarget {
  namespace: string;
  app: string;
  service: string;
  /** The version or alias of the path; absent for the version-less endpoint and for `latest`, which means the same. */
  version?: string;
  /** What the instance gets: `/{path}` and the query. */
  forwardPath: string;
  /** What was cut off in front of `forwardPath`, as sent: the value of `X-Forwarded-Prefix`. */
  prefix: string;
}

export type TargetResult = { ok: true; target: ParsedTarget } | { ok: false; code: 'bad_request' | 'route_not_found'; detail: string };

/**
 * Reads `[base]/namespaces/{ns}/apps/{app}[/versions/{v}]/services/{svc}/methods[/{path}][?query]`.
 *
 * The target is split at the slashes that were sent, and only then is each name decoded, once: an encoded slash stays inside its
 * segment and fails the name check. Dot segments are never resolved, so nothing before `methods` can point to another service, and
 * nothing after it is touched. A target of another shape is `route_not_found`; the right shape with an impossible name is `bad_request`.
 *
 * @param target the request target as on the wire: origin-form, or absolute-form (its authority is ignored)
 * @param basePath as returned by `parseBasePath`: empty, or `/like/this`
 */
export function parseTarget(target: string, basePath = ''): TargetResult {
  const origin = originForm(target);
  if (origin === null) return refuse('bad_request', 'The request target is neither a path nor an absolute URL.');
  if (!origin.startsWith(`${basePath}/`)) return notFound();

  const query = origin.indexOf('?');
  const pathEnd = query === -1 ? origin.length : query;
  // Each step reads `/keyword/{name}`; `versions` may be left out.
  const namespace = nameAfter(origin, 'namespaces', basePath.length, pathEnd);
  const app = namespace === null ? null : nameAfter(origin, 'apps', namespace.end, pathEnd);
  if (app === null) return notFound();
  const version = nameAfter(origin, 'versions', app.end, pathEnd);
  const service = nameAfter(origin, 'services', (version ?? app).end, pathEnd);
  if (namespace === null || service === null) return notFound();
  const end = endOfKeyword(origin, 'methods', service.end, pathEnd);
  if (end < 0) return notFound();

  if (namespace.name === '' || app.name === '' || version?.name === '' || service.name === '') {
    return refuse('bad_request', `The path holds an invalid name: names match ${NAME.source}.`);
  }
  const rest = origin.slice(end);
  const parsed: ParsedTarget = {
    namespace: namespace.name,
    app: app.name,
    service: service.name,
    forwardPath: rest.startsWith('/') ? rest : `/${rest}`,
    prefix: origin.slice(0, end),
  };
  if (version !== null && version.name !== 'latest') parsed.version = version.name;
  return { ok: true, target: parsed };
}

/** A target that a host route takes: its prefix comes off, the rest is as sent. `path` is path and query. */
export function targetOfHost(claim: { namespace: string; app: string; service: string; prefix: string }, path: string): ParsedTarget {
  const rest = path.slice(claim.prefix.length);
  const { namespace, app, service, prefix } = claim;
  return { namespace, app, service, forwardPath: rest.startsWith('/') ? rest : `/${rest}`, prefix };
}

/** The path and query of a request target; `null` for `*` and other forms that name no path. */
export function originForm(target: string): string | null {
  if (target.startsWith('/')) return target;
  const absolute = /^https?:\/\/[^/?#]*/i.exec(target);
  if (absolute === null) return null;
  const rest = target.slice(absolute[0].length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** The host (and port) that a request is for: of an absolute target, else of Host (RFC 9112 §3.2.2). */
export function authorityOf(target: string, host: string | undefined): string {
  if (target.startsWith('/')) return host ?? '';
  return /^https?:\/\/([^/?#]*)/i.exec(target)?.[1] ?? host ?? '';
}

/** Checks a base path setting. Returns it without a trailing slash (`''` for none), or `null` when it is not `/plain/segments`. */
export function parseBasePath(text: string): string | null {
  const trimmed = text.replace(/\/+$/, '');
  return trimmed === '' || /^(\/[A-Za-z0-9._~-]+)+$/.test(trimmed) ? trimmed : null;
}

/** True for what may stand where a version, an alias or another name is asked for. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** Reads `/keyword/{name}` at `start`; `null` when something else stands there. An invalid name is `''`. */
function nameAfter(text: string, keyword: string, start: number, end: number): { name: string; end: number } | null {
  const slash = endOfKeyword(text, keyword, start, end);
  if (slash < 0 || slash >= end) return null;
  const stop = endOfSegment(text, slash, end);
  return { name: decodeName(text.slice(slash + 1, stop)) ?? '', end: stop };
}

/** Where the segment `keyword` ends that begins with the slash at `start`; -1 when another one, or none, begins there. */
function endOfKeyword(text: string, keyword: string, start: number, end: number): number {
  const stop = start + 1 + keyword.length;
  if (stop > end || text.charCodeAt(start) !== SLASH || !text.startsWith(keyword, start + 1)) return -1;
  return stop === end || text.charCodeAt(stop) === SLASH ? stop : -1;
}

function endOfSegment(text: string, slash: number, end: number): number {
  const next = text.indexOf('/', slash + 1);
  return next < 0 || next > end ? end : next;
}

function decodeName(raw: string): string | null {
  if (NAME.test(raw)) return raw;
  let text: string;
  try {
    text = decodeURIComponent(raw);
  } catch {
    return null; // not UTF-8, or a broken escape
  }
  return NAME.test(text) ? text : null;
}

function notFound(): TargetResult {
  return refuse(
    'route_not_found',
    'No route has this path. Expected /namespaces/{ns}/apps/{app}[/versions/{v}]/services/{svc}/methods/{path}.',
  );
}

function refuse(code: 'bad_request' | 'route_not_found', detail: string): TargetResult {
  return { ok: false, code, detail };
}
