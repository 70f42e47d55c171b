import fc from 'fast-check';
import type { RouteDocument } from './messages.js';
import { parseProxyReport } from './parse-proxy-report.js';
import { parseRouteChange, parseRouteDocument } from './parse-route-document.js';

const DOCUMENT: RouteDocument = {
  format: 1,
  revision: 7,
  routes: {
    namespace: 'default',
    app: 'shop',
    fallback: 'random',
    onUnavailable: 'redistribute',
    affinity: { by: 'cookie', name: 'session' },
    aliases: { canary: 2 },
    versions: [
      { version: 1, artifactVersion: '1.0.0' },
      { version: 2, artifactVersion: '2.0.0-rc.1+build' },
    ],
    weights: { 1: 9_000, 2: 1_000 },
    services: [
      { name: 'cart', weights: null, versions: [{ version: 1, instances: [{ id: 'i1', url: 'http://127.0.0.1:4000' }] }] },
      { name: 'pay', weights: { 2: 10_000 }, versions: [{ version: 2, instances: [] }] },
    ],
  },
};

/** A deep copy with one place changed; `path` as in `routes.services.0.name`. */
function changed(path: string, value: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(DOCUMENT)) as Record<string, unknown>;
  const steps = path.split('.');
  const last = steps.pop() as string;
  let at = copy;
  for (const step of steps) at = at[step] as Record<string, unknown>;
  at[last] = value;
  return copy;
}

function reason(input: unknown): string {
  const parsed = parseRouteDocument(input);
  return parsed.ok ? 'accepted' : parsed.reason;
}

describe('parseRouteDocument', () => {
  it('takes a whole document, and ignores fields that it does not know', () => {
    expect(parseRouteDocument(JSON.parse(JSON.stringify(DOCUMENT)))).toEqual({ ok: true, value: DOCUMENT });
    expect(parseRouteDocument(changed('routes.later', { more: 1 }))).toEqual({ ok: true, value: DOCUMENT });
  });

  const bad: [path: string, value: unknown, reason: RegExp][] = [
    ['format', 2, /format/],
    ['revision', -1, /revision/],
    ['revision', 1.5, /revision/],
    ['routes', [], /routes must be an object/],
    ['routes.namespace', '../etc', /namespace must be a name/],
    ['routes.app', '__proto__', /app must be a name/],
    ['routes.fallback', 'loudest', /fallback must be one of/],
    ['routes.onUnavailable', 1, /onUnavailable/],
    ['routes.affinity', { by: 'cookie' }, /affinity.name/],
    ['routes.affinity', { by: 'moon', name: 'x' }, /affinity.by/],
    ['routes.aliases', { canary: 9 }, /names version 9/],
    ['routes.aliases', { 'a b': 1 }, /aliases/],
    ['routes.versions', null, /versions must be a list/],
    ['routes.versions.1.version', 1, /names 1 twice/],
    ['routes.versions.0.version', 0, /versions\[0\].version/],
    ['routes.versions.0.artifactVersion', 'a b', /artifactVersion/],
    ['routes.weights', { 1: 9_000 }, /add up to 9000/],
    ['routes.weights', { 1: 9_999.5, 2: 0.5 }, /whole number/],
    ['routes.weights', { 1: 11_000, 2: -1_000 }, /weights/],
    ['routes.weights', { '01': 10_000 }, /is not a version/],
    ['routes.services.1.name', 'cart', /names cart twice/],
    ['routes.services.0.versions.0.version', 5, /is 5, which is not among/],
    ['routes.services.0.versions.0.instances.0.url', 'https://127.0.0.1:1', /http:/],
    ['routes.services.0.versions.0.instances.0.url', 'http://user:secret@127.0.0.1:1', /http:/],
    ['routes.services.0.versions.0.instances.0.url', 'file:///etc/passwd', /http:/],
    ['routes.services.0.versions.0.instances.0.id', 'a/b', /id must be a name/],
    ['routes.services.0.versions.0.instances', new Array(10_001).fill(null), /at most 10000/],
  ];
  it.each(bad)('refuses %s = %j', (path, value, expected) => {
    expect(reason(changed(path, value))).toMatch(expected);
  });

  it.each([undefined, null, 1, 'text', [], true])('refuses %j', (input) => {
    expect(reason(input)).toMatch(/document must be an object/);
  });

  it('never throws, whatever comes', () => {
    fc.assert(fc.property(fc.jsonValue(), (input) => typeof parseRouteDocument(input).ok === 'boolean'));
    const places = ['routes', 'routes.versions', 'routes.services', 'routes.services.0.versions', 'routes.weights', 'routes.aliases'];
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        fc.jsonValue(),
        (path, value) => typeof parseRouteDocument(changed(path, value)).ok === 'boolean',
      ),
    );
  });
});

describe('parseRouteChange', () => {
  const CHANGE = { epoch: 'e-1', revision: 7, previous: 6, key: 'default/shop', document: DOCUMENT };

  it('takes a change, and the end of an app', () => {
    expect(parseRouteChange(CHANGE)).toEqual({ ok: true, value: CHANGE });
    expect(parseRouteChange({ ...CHANGE, document: null }).ok).toBe(true);
  });

  it.each([
    ['another app than the key says', { key: 'default/other' }, /key/],
    ['previous not before the revision', { previous: 7 }, /previous/],
    ['no document at all', { document: undefined }, /document/],
    ['no epoch', { epoch: '' }, /epoch/],
  ])('refuses %s', (_label, patch, expected) => {
    const parsed = parseRouteChange({ ...CHANGE, ...patch });
    expect(parsed.ok ? 'accepted' : parsed.reason).toMatch(expected);
  });
});

describe('parseProxyReport', () => {
  const REPORT = {
    proxyId: 'proxy-1',
    bootId: 'b',
    adminUrl: 'http://127.0.0.1:1',
    applied: null,
    lastRejection: { revision: 3, key: 'default/shop', reason: 'x', at: '2026-01-01T00:00:00Z' },
    inFlight: { i1: 3 },
    leaving: false,
    at: '2026-01-01T00:00:00Z',
  };

  it('takes a report', () => {
    expect(parseProxyReport(REPORT)).toEqual({ ok: true, value: REPORT });
  });

  it.each([
    ['id', { proxyId: 'a b' }],
    ['counts below 0', { inFlight: { i1: -1 } }],
    ['position', { applied: { epoch: 'e', revision: '1' } }],
    ['rejection', { lastRejection: 'none' }],
  ])('refuses a bad %s', (_label, patch) => {
    expect(parseProxyReport({ ...REPORT, ...patch }).ok).toBe(false);
  });
});
