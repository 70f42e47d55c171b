import { compileApp } from './compile-app.js';
import { type RouteRequest, resolve } from './resolve.js';
import type { AppRoutes } from './routes.js';
import { appRoutes, service, tableOf } from './testing/app-routes.js';
import { binomialBound, seededRandom } from './testing/seeded-random.js';

const BASE: RouteRequest = {
  namespace: 'default',
  app: 'MyApp',
  service: 'cart',
  pathVersion: null,
  versionHeader: null,
  artifactHeader: null,
  affinityKey: null,
};

/** `2 pinned`, or the code of the failure. */
function outcome(table: ReturnType<typeof tableOf>, request: Partial<RouteRequest>, random = seededRandom(1)): string {
  const result = resolve(table, { ...BASE, ...request }, random);
  return result.ok ? `${result.version.version} ${result.reason}` : result.code;
}

describe('CONTRACT §4: which version, first that applies', () => {
  // Version 1 has everything, 2 nothing; 3 exists and does not run; 4 runs without a usable instance.
  const table = tableOf(
    appRoutes({
      aliases: { canary: 2, old: 3 },
      versions: [
        { version: 1, artifactVersion: '1.0.0' },
        { version: 2, artifactVersion: '2.0.0' },
        { version: 3, artifactVersion: '3.0.0' },
        { version: 4, artifactVersion: '4.0.0' },
        { version: 5, artifactVersion: '2.0.0' },
        { version: 6, artifactVersion: '2.0.0' },
      ],
      weights: { 1: 10_000 },
      services: [service('cart', { 1: 1, 2: 1, 4: 0, 5: 1 })],
    }),
  );
  const cases: [string, Partial<RouteRequest>, string][] = [
    ['nothing named: the distribution', {}, '1 weighted'],
    ['1. path version, at 0 %', { pathVersion: '2' }, '2 pinned'],
    ['1. path alias', { pathVersion: 'canary' }, '2 pinned'],
    ['1. path `latest` is as if absent', { pathVersion: 'latest' }, '1 weighted'],
    ['1. path `latest` leaves the header in force', { pathVersion: 'latest', versionHeader: '2' }, '2 pinned'],
    ['1. the path comes before the headers', { pathVersion: '1', versionHeader: '2', artifactHeader: '2.0.0' }, '1 pinned'],
    ['2. X-App-Version', { versionHeader: '2' }, '2 pinned'],
    ['2. X-App-Version with an alias', { versionHeader: 'canary' }, '2 pinned'],
    ['2. X-App-Version `latest`', { versionHeader: 'latest' }, '1 weighted'],
    ['2. before X-Artifact-Version', { versionHeader: '1', artifactHeader: '2.0.0' }, '1 pinned'],
    ['3. X-Artifact-Version: the highest running version made from it', { artifactHeader: '2.0.0' }, '5 pinned'],
    ['a pin never falls back: not running', { pathVersion: '3' }, 'version_unavailable'],
    ['a pin never falls back: alias of one that does not run', { versionHeader: 'old' }, 'version_unavailable'],
    ['a pin never falls back: no usable instance', { versionHeader: '4' }, 'version_unavailable'],
    ['a pin never falls back: artifact that does not run', { artifactHeader: '3.0.0' }, 'version_unavailable'],
    ['unknown version in the path', { pathVersion: '77' }, 'version_not_found'],
    ['unknown alias in the header', { versionHeader: 'nobody' }, 'version_not_found'],
    ['unknown artifact version', { artifactHeader: '9.9.9' }, 'version_not_found'],
    ['empty header', { versionHeader: '' }, 'bad_version_header'],
    ['leading zero', { versionHeader: '02' }, 'bad_version_header'],
    ['hostile header', { versionHeader: '../../etc' }, 'bad_version_header'],
    ['long header', { versionHeader: 'x'.repeat(129) }, 'bad_version_header'],
    ['all digits, but no version', { versionHeader: '99999999999' }, 'bad_version_header'],
    ['two header lines joined', { versionHeader: '1, 2' }, 'bad_version_header'],
    ['empty artifact header', { artifactHeader: '' }, 'bad_version_header'],
    ['hostile artifact header', { artifactHeader: '1.0.0\n' }, 'bad_version_header'],
    ['long artifact header', { artifactHeader: '1'.repeat(129) }, 'bad_version_header'],
    ['malformed version in the path', { pathVersion: '01' }, 'version_not_found'],
    ['empty version in the path', { pathVersion: '' }, 'version_not_found'],
    ['what decides first makes a bad header irrelevant', { pathVersion: '2', versionHeader: '', artifactHeader: '' }, '2 pinned'],
    ['a name that every object has as version', { versionHeader: 'constructor' }, 'version_not_found'],
    ['affinity that the app does not set', { affinityKey: 'alice' }, '1 weighted'],
    ['unknown service before a bad version', { service: 'pay', versionHeader: '' }, 'service_not_found'],
    ['unknown service', { service: 'pay' }, 'service_not_found'],
    ['unknown app', { app: 'Other' }, 'app_not_found'],
    ['names that every object has', { namespace: '__proto__', app: 'constructor' }, 'app_not_found'],
  ];
  it.each(cases)('%s', (_label, request, expected) => {
    expect(outcome(table, request)).toBe(expected);
  });
});

describe('issue 3: pins also by content type, when the app allows it', () => {
  const change = {
    aliases: { canary: 2, old: 3 },
    weights: { 1: 10_000 },
    services: [service('cart', { 1: 1, 2: 1 })],
  };
  const table = tableOf(appRoutes({ ...change, pinByAccept: true }));
  const cases: [string, Partial<RouteRequest>, string][] = [
    ['a version', { acceptHeader: 'application/json; app-version=2' }, '2 pinned'],
    ['an alias', { acceptHeader: 'application/json; app-version=canary' }, '2 pinned'],
    ['`latest` is as if absent', { acceptHeader: 'application/json; app-version=latest' }, '1 weighted'],
    ['nothing of a version', { acceptHeader: 'application/json' }, '1 weighted'],
    ['after the path', { pathVersion: '1', acceptHeader: 'a/b; app-version=2' }, '1 pinned'],
    ['after X-App-Version', { versionHeader: '1', acceptHeader: 'a/b; app-version=2' }, '1 pinned'],
    ['after X-Artifact-Version', { artifactHeader: '1.0.0', acceptHeader: 'a/b; app-version=2' }, '1 pinned'],
    [
      '`latest` before it leaves it in force',
      { pathVersion: 'latest', versionHeader: 'latest', acceptHeader: 'a/b;app-version=2' },
      '2 pinned',
    ],
    ['two different values', { acceptHeader: 'a/b; app-version=1, c/d; app-version=2' }, 'bad_version_header'],
    ['what cannot be read', { acceptHeader: 'a/b; app-version' }, 'bad_version_header'],
    ['neither version nor alias', { acceptHeader: 'a/b; app-version="../x"' }, 'bad_version_header'],
    ['unknown', { acceptHeader: 'a/b; app-version=77' }, 'version_not_found'],
    ['a pin never falls back', { acceptHeader: 'a/b; app-version=old' }, 'version_unavailable'],
    ['what decides first makes it irrelevant', { pathVersion: '1', acceptHeader: 'a/b; app-version' }, '1 pinned'],
  ];
  it.each(cases)('%s', (_label, request, expected) => {
    expect(outcome(table, request)).toBe(expected);
  });

  it('does nothing where the app does not', () => {
    const off = tableOf(appRoutes(change));
    expect(outcome(off, { acceptHeader: 'a/b; app-version=2' })).toBe('1 weighted');
    expect(outcome(off, { acceptHeader: 'a/b; app-version' })).toBe('1 weighted');
  });
});

describe('CONTRACT §4: fallback and unavailability', () => {
  const running = [service('cart', { 1: 1, 2: 1, 3: 1 })];
  it.each([
    ['newest', '3 fallback'],
    ['oldest', '1 fallback'],
    ['none', 'no_instance'],
  ] as const)('fallback %s', (fallback, expected) => {
    expect(outcome(tableOf(appRoutes({ fallback, services: running })), {})).toBe(expected);
  });

  it('fallback random is over instances: 3 and 1 get 75 and 25', () => {
    expectShare(tableOf(appRoutes({ services: [service('cart', { 1: 3, 2: 1 })] })), 1, 0.75);
  });

  it('a weight belongs to the version: 50/50 with 3 and 1 instances is 50/50', () => {
    expectShare(tableOf(appRoutes({ weights: { 1: 5_000, 2: 5_000 }, services: [service('cart', { 1: 3, 2: 1 })] })), 1, 0.5);
  });

  it('redistribute reaches only versions with weight', () => {
    const table = tableOf(appRoutes({ weights: { 1: 10_000, 2: 0 }, services: [service('cart', { 1: 0, 2: 1 })] }));
    expect(outcome(table, {})).toBe('no_instance');
  });

  it('newest and oldest are over the versions with a usable instance', () => {
    const services = [service('cart', { 1: 0, 2: 1, 3: 0 })];
    expect(outcome(tableOf(appRoutes({ fallback: 'newest', services })), {})).toBe('2 fallback');
    expect(outcome(tableOf(appRoutes({ fallback: 'oldest', services })), {})).toBe('2 fallback');
  });

  it('nothing that runs, or no usable instance at all: no_instance', () => {
    expect(outcome(tableOf(appRoutes({ services: [service('cart', {})] })), {})).toBe('no_instance');
    expect(outcome(tableOf(appRoutes({ services: [service('cart', { 1: 0 })] })), {})).toBe('no_instance');
  });

  it('onUnavailable redistribute: over the others, in proportion', () => {
    expectShare(
      tableOf(appRoutes({ weights: { 1: 5_000, 2: 4_000, 3: 1_000 }, services: [service('cart', { 1: 0, 2: 1, 3: 1 })] })),
      2,
      0.8,
    );
  });

  it('onUnavailable fail: its share gets 503', () => {
    const table = tableOf(
      appRoutes({ onUnavailable: 'fail', weights: { 1: 5_000, 2: 5_000 }, services: [service('cart', { 1: 0, 2: 1 })] }),
    );
    const random = seededRandom(3);
    const seen = new Set(Array.from({ length: 100 }, () => outcome(table, {}, random)));
    expect(seen).toEqual(new Set(['version_unavailable', '2 weighted']));
  });

  it('zero means zero: versions at 0 get nothing, also when nobody else runs', () => {
    expect(outcome(tableOf(appRoutes({ weights: { 1: 10_000 }, services: [service('cart', { 2: 1 })] })), {})).toBe('no_instance');
  });

  it("a service's own weights override the app's", () => {
    const table = tableOf(
      appRoutes({ weights: { 1: 10_000 }, services: [service('cart', { 1: 1, 2: 1 }, { 2: 10_000 }), service('pay', { 1: 1, 2: 1 })] }),
    );
    expect([outcome(table, {}), outcome(table, { service: 'pay' })]).toEqual(['2 weighted', '1 weighted']);
  });

  it('4. affinity keeps a consumer on one version, and both versions get consumers', () => {
    const table = tableOf(
      appRoutes({
        affinity: { by: 'header', name: 'x-user' },
        weights: { 1: 5_000, 2: 5_000 },
        services: [service('cart', { 1: 1, 2: 1 })],
      }),
    );
    const random = seededRandom(4);
    const users = Array.from({ length: 50 }, (_, index) => `user-${index}`);
    const first = users.map((affinityKey) => outcome(table, { affinityKey }, random));
    expect(users.map((affinityKey) => outcome(table, { affinityKey }, random))).toEqual(first);
    expect(new Set(first)).toEqual(new Set(['1 affinity', '2 affinity']));
  });
});

describe('CONTRACT §4: 4. affinity, when the app sets it', () => {
  const users = Array.from({ length: 200 }, (_, index) => `user-${index}`);
  const affine = (change: Partial<AppRoutes>) =>
    tableOf(appRoutes({ affinity: { by: 'header', name: 'x-user' }, weights: { 1: 5_000, 2: 3_000, 3: 2_000 }, ...change }));

  it('comes after a pin', () => {
    expect(outcome(affine({ services: [service('cart', { 1: 1, 2: 1 })] }), { affinityKey: 'alice', versionHeader: '2' })).toBe('2 pinned');
  });

  it('needs a key: none, or an empty one, follows the distribution', () => {
    const table = affine({ services: [service('cart', { 1: 1, 2: 1 })] });
    expect([outcome(table, { affinityKey: '' }), outcome(table, {})].every((text) => text.endsWith('weighted'))).toBe(true);
  });

  it('needs weights: without a distribution the fallback decides', () => {
    const table = affine({ weights: null, fallback: 'newest', services: [service('cart', { 1: 1, 2: 1 })] });
    expect(outcome(table, { affinityKey: 'alice' })).toBe('2 fallback');
  });

  it('never chooses a version with 0', () => {
    const table = affine({ weights: { 1: 10_000, 2: 0 }, services: [service('cart', { 1: 1, 2: 1 })] });
    expect(new Set(users.map((affinityKey) => outcome(table, { affinityKey })))).toEqual(new Set(['1 affinity']));
  });

  it('redistribute: only the consumers of the version without an instance move', () => {
    const whole = affine({ services: [service('cart', { 1: 1, 2: 1, 3: 1 })] });
    const reduced = affine({ services: [service('cart', { 1: 1, 2: 0, 3: 1 })] });
    for (const affinityKey of users) {
      const before = outcome(whole, { affinityKey });
      if (before === '2 affinity') expect(['1 affinity', '3 affinity']).toContain(outcome(reduced, { affinityKey }));
      else expect(outcome(reduced, { affinityKey })).toBe(before);
    }
  });

  it('fail: the consumers of the version without an instance get 503, the others stay', () => {
    const whole = affine({ services: [service('cart', { 1: 1, 2: 1, 3: 1 })] });
    const reduced = affine({ onUnavailable: 'fail', services: [service('cart', { 1: 1, 2: 0, 3: 1 })] });
    for (const affinityKey of users) {
      const before = outcome(whole, { affinityKey });
      expect(outcome(reduced, { affinityKey })).toBe(before === '2 affinity' ? 'version_unavailable' : before);
    }
  });
});

describe('resolve', () => {
  const split = { weights: { 1: 5_000, 2: 5_000 }, services: [service('cart', { 1: 1, 2: 1 })] };

  it('gives the same shared object for the same choice: success allocates nothing', () => {
    const table = tableOf(appRoutes({ ...split, affinity: { by: 'address' } }));
    const twice: Partial<RouteRequest>[] = [{}, { pathVersion: '2' }, { artifactHeader: '2.0.0' }, { affinityKey: 'alice' }];
    for (const request of twice) {
      const first = resolve(table, { ...BASE, ...request }, () => 0.9);
      expect(first.ok).toBe(true);
      expect(resolve(table, { ...BASE, ...request }, () => 0.9)).toBe(first);
    }
  });

  it('takes a request that leaves out what it does not name', () => {
    const table = tableOf(appRoutes(split));
    expect(resolve(table, { namespace: 'default', app: 'MyApp', service: 'cart' }, () => 0)).toMatchObject({
      ok: true,
      reason: 'weighted',
    });
  });

  it('quotes no more than 128 characters of a request', () => {
    const table = tableOf(appRoutes(split));
    const long = 'x'.repeat(10_000);
    const requests: Partial<RouteRequest>[] = [
      { namespace: long },
      { app: long },
      { service: long },
      { pathVersion: long },
      { versionHeader: long },
      { artifactHeader: long },
    ];
    for (const request of requests) {
      const result = resolve(table, { ...BASE, ...request }, () => 0);
      expect(result.ok ? 0 : result.detail.length).toBeLessThan(250);
      expect(result.ok).toBe(false);
    }
  });

  it('serves a request by the app as it was when looked up, and the next one by the new one', () => {
    const table = tableOf(appRoutes({ weights: { 1: 10_000 }, services: [service('cart', { 1: 1, 2: 1 })] }));
    const before = outcome(table, {});
    table.replace(compileApp(appRoutes({ weights: { 2: 10_000 }, services: [service('cart', { 1: 1, 2: 1 })] }), (ref) => ref));
    expect([before, outcome(table, {})]).toEqual(['1 weighted', '2 weighted']);
  });
});

function expectShare(table: ReturnType<typeof tableOf>, version: number, share: number): void {
  const random = seededRandom(2);
  const trials = 20_000;
  let hits = 0;
  for (let times = 0; times < trials; times++) {
    const result = resolve(table, BASE, random);
    if (result.ok && result.version.version === version) hits++;
  }
  expect(Math.abs(hits - trials * share)).toBeLessThan(binomialBound(trials, share));
}
