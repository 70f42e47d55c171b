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
    affinity: { by: 'cookie', name: 'session', ttlSeconds: 3_600 },
    pinByAccept: true,
    audiences: [
      {
        name: 'staff',
        when: [
          { by: 'header', name: 'X-Group', equals: 'staff' },
          { by: 'cookie', name: 'beta', present: true },
          { by: 'query', name: 'preview mode', oneOf: ['a', 'b'] },
          { by: 'header', name: 'User-Agent', prefix: 'Shop/' },
          { by: 'address', cidr: ['10.0.0.0/8', '2001:db8::/32'] },
        ],
        then: { version: 77 },
      },
      { name: 'testers', when: [{ by: 'address', cidr: ['::1'] }], then: { weights: { 1: 5_000, 77: 5_000 } } },
    ],
    mirror: { version: 2, shareBp: 1_050, maxBodyBytes: 1_024, services: { pay: { version: 1, shareBp: 0 } } },
    limits: {
      services: { cart: { requestsPerSecond: 0.5, burst: 10, concurrent: 20 } },
      versions: { 2: { concurrent: 5 } },
    },
    aliases: { canary: 2 },
    versions: [
      { version: 1, artifactVersion: '1.0.0' },
      { version: 2, artifactVersion: '2.0.0-rc.1+build' },
    ],
    weights: { 1: 9_000, 2: 1_000 },
    services: [
      {
        name: 'cart',
        weights: null,
        versions: [{ version: 1, runId: 'b54ee6ef-8a05-4a5c-9de0-5f8a4b1c6c43', instances: [{ id: 'i1', url: 'http://127.0.0.1:4000' }] }],
      },
      {
        name: 'pay',
        weights: { 2: 10_000 },
        versions: [{ version: 2, instances: [] }],
        hosts: { hosts: ['pay.example.com', '*.pay.example.com'], pathPrefix: '/v1' },
      },
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
  it('a trace comes along; one that cannot be read is left out, and never a reason to refuse routes', () => {
    const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=1' };
    expect(parseRouteDocument({ ...DOCUMENT, trace })).toEqual({ ok: true, value: { ...DOCUMENT, trace } });
    for (const bad of [null, 'x', 7, [], {}, { traceparent: 1 }, { traceparent: 'x'.repeat(1_000) }])
      expect(parseRouteDocument({ ...DOCUMENT, trace: bad })).toEqual({ ok: true, value: DOCUMENT });
    expect(parseRouteDocument({ ...DOCUMENT, trace: { ...trace, tracestate: 'x'.repeat(1_000) } })).toEqual({
      ok: true,
      value: { ...DOCUMENT, trace: { traceparent: trace.traceparent } },
    });
  });

  it('takes a whole document, and ignores fields that it does not know', () => {
    expect(parseRouteDocument(JSON.parse(JSON.stringify(DOCUMENT)))).toEqual({ ok: true, value: DOCUMENT });
    expect(parseRouteDocument(changed('routes.later', { more: 1 }))).toEqual({ ok: true, value: DOCUMENT });
  });

  it('takes a document from before audiences, mirroring, limits and hosts', () => {
    const { affinity: _, pinByAccept: _a, audiences: _b, mirror: _c, limits: _d, ...routes } = DOCUMENT.routes;
    const former = { ...DOCUMENT, routes: { ...routes, services: routes.services.map(({ hosts: _e, ...service }) => service) } };
    expect(parseRouteDocument(JSON.parse(JSON.stringify(former)))).toEqual({ ok: true, value: former });
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
    ['routes.affinity', { by: 'cookie', name: 'a', ttlSeconds: 0 }, /ttlSeconds must be a whole number/],
    ['routes.pinByAccept', 'yes', /pinByAccept must be true or false/],
    ['routes.audiences', {}, /audiences must be a list/],
    ['routes.audiences', new Array(65).fill(null), /at most 64/],
    ['routes.audiences.1.name', 'staff', /names staff twice/],
    ['routes.audiences.0.name', 'a b', /name must be a name/],
    ['routes.audiences.0.when', [], /at least one condition/],
    ['routes.audiences.0.when', new Array(17).fill(null), /at most 16/],
    ['routes.audiences.0.when.0', { by: 'moon', name: 'x', equals: 'y' }, /when\[0\].by must be one of/],
    ['routes.audiences.0.when.0', { by: 'header', name: 'x y', equals: 'y' }, /when\[0\].name/],
    ['routes.audiences.0.when.0', { by: 'header', name: 'x' }, /must have one of equals/],
    ['routes.audiences.0.when.0', { by: 'header', name: 'x', equals: 'y', prefix: 'z' }, /must have one of equals/],
    ['routes.audiences.0.when.0', { by: 'header', name: 'x', matches: '.*' }, /must have one of equals/],
    ['routes.audiences.0.when.0', { by: 'header', name: 'x', equals: 'y'.repeat(257) }, /at most 256 characters/],
    ['routes.audiences.0.when.0', { by: 'header', name: 'x', oneOf: new Array(257).fill('y') }, /at most 256/],
    ['routes.audiences.0.when.0', { by: 'header', name: 'x', present: 1 }, /present must be true or false/],
    ['routes.audiences.0.when.4.cidr', ['10.0.0.1/8'], /cidr\[0\] has bits set/],
    ['routes.audiences.0.when.4.cidr', new Array(257).fill('::1'), /at most 256/],
    ['routes.audiences.0.then', {}, /then.weights must be an object/],
    ['routes.audiences.0.then.version', 0, /then.version must be/],
    ['routes.audiences.1.then.weights', { 1: 9_999 }, /add up to 9999/],
    ['routes.mirror.version', '2', /mirror.version/],
    ['routes.mirror.shareBp', 10_001, /mirror.shareBp/],
    ['routes.mirror.maxBodyBytes', 10_485_761, /mirror.maxBodyBytes/],
    ['routes.mirror.services', { 'a b': { version: 1, shareBp: 1 } }, /is not allowed/],
    ['routes.mirror.services.pay', { version: 1 }, /services.pay.shareBp/],
    ['routes.limits.services', { '': {} }, /is not allowed/],
    ['routes.limits.services.cart.requestsPerSecond', 0, /a number from 0.01 to 1000000/],
    ['routes.limits.services.cart.requestsPerSecond', Number.NaN, /a number from/],
    ['routes.limits.services.cart.burst', 1.5, /burst must be a whole number/],
    ['routes.limits.services.cart.concurrent', 0, /concurrent must be a whole number/],
    ['routes.limits.versions', { '02': { concurrent: 1 } }, /is not allowed/],
    ['routes.services.1.hosts.hosts', ['Pay.example.com'], /must be the name of a host/],
    ['routes.services.1.hosts.hosts', ['a.com', 'a.com'], /names a.com twice/],
    ['routes.services.1.hosts.hosts', new Array(65).fill('a.com'), /at most 64/],
    ['routes.services.1.hosts.pathPrefix', '/v1/', /pathPrefix must be/],
    ['routes.services.1.hosts.pathPrefix', undefined, /pathPrefix must be/],
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
    ['routes.services.0.versions.0.version', 5, /^document.routes.services\[0\].versions\[0\].version is 5, which is not among/],
    ['routes.services.0.versions.0.instances.0.url', 'ftp://127.0.0.1:1', /http:/],
    ['routes.services.0.versions.0.instances.0.url', 'http://user:secret@127.0.0.1:1', /http:/],
    ['routes.services.0.versions.0.instances.0.url', 'file:///etc/passwd', /http:/],
    ['routes.services.0.versions.0.instances.0.id', 'a/b', /id must be a name/],
    ['routes.services.0.versions.0.runId', 'a run', /runId must be a name/],
    ['routes.services.0.versions.0.instances', new Array(10_001).fill(null), /at most 10000/],
  ];
  it.each([2, 8, 9, 20])('the last of %d names the first one again: refused', (count) => {
    const hosts = Array.from({ length: count }, (_, index) => `h${index % (count - 1)}.example.com`);
    expect(reason(changed('routes.services.1.hosts.hosts', hosts))).toBe(
      'document.routes.services[1].hosts.hosts names h0.example.com twice',
    );
    const different = Array.from({ length: count }, (_, index) => `h${index}.example.com`);
    expect(reason(changed('routes.services.1.hosts.hosts', different))).toBe('accepted');
  });

  it.each(bad)('refuses %s = %j', (path, value, expected) => {
    expect(reason(changed(path, value))).toMatch(expected);
  });

  it.each([undefined, null, 1, 'text', [], true])('refuses %j', (input) => {
    expect(reason(input)).toMatch(/document must be an object/);
  });

  it('never throws, whatever comes', () => {
    fc.assert(fc.property(fc.jsonValue(), (input) => typeof parseRouteDocument(input).ok === 'boolean'));
    const places = [
      'routes.affinity',
      'routes.audiences',
      'routes.audiences.0',
      'routes.audiences.0.when.0',
      'routes.audiences.0.then',
      'routes.mirror',
      'routes.mirror.services',
      'routes.limits',
      'routes.limits.services.cart',
      'routes.services.1.hosts',
      'routes',
      'routes.versions',
      'routes.services',
      'routes.services.0.versions',
      'routes.weights',
      'routes.aliases',
    ];
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
    applied: { epoch: 'e', revision: 2 },
    seenRevision: 3,
    rejected: [{ key: 'default/shop', revision: 3, heldRevision: null, reason: 'x', at: '2026-01-01T00:00:00Z' }],
    lastRejection: { revision: 3, key: 'default/shop', reason: 'x', at: '2026-01-01T00:00:00Z' },
    inFlight: { i1: 3 },
    leaving: false,
    at: '2026-01-01T00:00:00Z',
  };

  it('takes a report', () => {
    expect(parseProxyReport(REPORT)).toEqual({ ok: true, value: REPORT });
    const none = { ...REPORT, applied: null, seenRevision: null };
    expect(parseProxyReport(none)).toEqual({ ok: true, value: none });
  });

  it('takes that of an older proxy: it has seen what it has applied', () => {
    const { seenRevision: _, rejected: __, ...older } = REPORT;
    expect(parseProxyReport(older)).toEqual({ ok: true, value: { ...REPORT, seenRevision: 2, rejected: [] } });
  });

  it.each([
    ['id', { proxyId: 'a b' }],
    ['counts below 0', { inFlight: { i1: -1 } }],
    ['position', { applied: { epoch: 'e', revision: '1' } }],
    ['rejection', { lastRejection: 'none' }],
    ['position that was seen', { seenRevision: 1 }],
    ['rejected app', { rejected: [{ ...REPORT.rejected[0], heldRevision: '1' }] }],
    ['number of rejected apps', { rejected: Array.from({ length: 101 }, () => REPORT.rejected[0]) }],
  ])('refuses a bad %s', (_label, patch) => {
    expect(parseProxyReport({ ...REPORT, ...patch }).ok).toBe(false);
  });
});
