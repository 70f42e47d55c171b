import fc from 'fast-check';
import { compileApp } from './compile-app.js';
import { InvalidRoutesError } from './invalid-routes-error.js';
import { resolve } from './resolve.js';
import type { AppRoutes, InstanceRef } from './routes.js';
import { appRoutes, service, tableOf } from './testing/app-routes.js';
import { weightsArbitrary } from './testing/arbitraries.js';
import { InvalidWeightsError, TOTAL_BP, toRecord, type Weights } from './weights.js';

function compile(change: Partial<AppRoutes>) {
  return compileApp<InstanceRef>(appRoutes(change), (ref) => ref);
}

describe('compileApp', () => {
  it('makes each instance once, telling its version and service', () => {
    const made: string[] = [];
    const { versions, ...cart } = service('cart', { 1: 2, 2: 1 });
    const app = compileApp(appRoutes({ services: [{ ...cart, versions: versions.reverse() }] }), (ref, version, name) => {
      made.push(`${name} ${version} ${ref.id}`);
      return ref.id;
    });
    expect(made.sort()).toEqual(['cart 1 cart-1-0', 'cart 1 cart-1-1', 'cart 2 cart-2-0']);
    expect(app.services.get('cart')?.versions).toEqual([
      { version: 1, versionText: '1', artifactVersion: '1.0.0', runId: null, instances: ['cart-1-0', 'cart-1-1'], limiter: null },
      { version: 2, versionText: '2', artifactVersion: '2.0.0', runId: null, instances: ['cart-2-0'], limiter: null },
    ]);
  });

  it('shows the effective weights of a service: its own, else those of the app, where it runs', () => {
    const app = compile({
      weights: { 1: 5_000, 2: 3_000, 3: 2_000 },
      services: [service('cart', { 1: 1, 2: 0, 3: 1 }), service('pay', { 2: 1, 3: 1 }), service('own', { 1: 1 }, { 1: 10_000 })],
    });
    // Also without a usable instance: version 2 runs, so it keeps its weight here.
    expect(weightsOf(app, 'cart')).toEqual([
      [1, 5_000],
      [2, 3_000],
      [3, 2_000],
    ]);
    expect(weightsOf(app, 'pay')).toEqual([
      [2, 6_000],
      [3, 4_000],
    ]);
    expect(weightsOf(app, 'own')).toEqual([[1, 10_000]]);
  });

  it('leaves versions without weight out of the split', () => {
    const app = compile({ weights: { 1: 0, 2: 4_000, 3: 6_000 }, services: [service('cart', { 1: 1, 2: 1, 3: 1 })] });
    const split = app.services.get('cart')?.split;
    expect(split?.choices.map(({ version, reason }) => `${version.version} ${reason}`)).toEqual(['2 weighted', '3 weighted']);
    expect([...(split?.cumulative ?? []), split?.total]).toEqual([4_000, 10_000, 10_000]);
  });

  it('a number always means the version, `latest` never a stored alias, and an alias of nothing is unknown', () => {
    const table = tableOf(
      appRoutes({
        aliases: { 1: 2, latest: 2, gone: 99 },
        weights: { 1: 10_000 },
        services: [service('cart', { 1: 1, 2: 1 })],
      }),
    );
    const to = (pathVersion: string) => {
      const result = resolve(table, { namespace: 'default', app: 'MyApp', service: 'cart', pathVersion }, () => 0);
      return result.ok ? `${result.version.version} ${result.reason}` : result.code;
    };
    expect([to('1'), to('latest'), to('gone')]).toEqual(['1 pinned', '1 weighted', 'version_not_found']);
  });

  it('takes names that every object has for what they are', () => {
    const routes = JSON.parse(JSON.stringify(appRoutes({ services: [service('constructor', { 1: 1 })] })));
    routes.aliases = JSON.parse('{"__proto__": 1, "toString": 1}');
    const app = compileApp<InstanceRef>(routes, (ref) => ref);
    expect([...app.versionNames]).toEqual([
      ['__proto__', 1],
      ['toString', 1],
      ['1', 1],
      ['2', 2],
      ['3', 3],
    ]);
    expect(app.services.get('toString')).toBeUndefined();
    expect(app.services.get('constructor')?.pins.get('toString')?.version.version).toBe(1);
    expect(app.services.get('constructor')?.pins.has('valueOf')).toBe(false);
  });

  const contradictions: [name: string, change: Partial<AppRoutes>, error: new () => Error][] = [
    ['a version listed twice', { versions: [ref(1), ref(1)] }, InvalidRoutesError],
    ['version 0', { versions: [ref(0)] }, InvalidRoutesError],
    ['version 1.5', { versions: [ref(1.5)] }, InvalidRoutesError],
    ['a service listed twice', { services: [service('cart', { 1: 1 }), service('cart', { 2: 1 })] }, InvalidRoutesError],
    ['a service in a version that does not exist', { services: [service('cart', { 9: 1 })] }, InvalidRoutesError],
    ['a service twice in a version', { services: [{ name: 'cart', weights: null, versions: [run(1), run(1)] }] }, InvalidRoutesError],
    ['app weights that do not sum to 10000', { weights: { 1: 9_999 } }, InvalidWeightsError],
    ['service weights that do not sum to 10000', { services: [service('cart', { 1: 1 }, { 1: 10_001 })] }, InvalidWeightsError],
  ];
  for (const [name, change, error] of contradictions) {
    it(`refuses ${name}, before any instance is made`, () => {
      const made: InstanceRef[] = [];
      const routes = appRoutes({ services: [service('cart', { 1: 1 })], ...change });
      expect(() => compileApp(routes, (instance) => made.push(instance))).toThrow(error);
      expect(made).toEqual([]);
    });
  }

  it('weights are per version whatever the instance counts: each basis point goes where it belongs', () => {
    fc.assert(
      fc.property(weightsArbitrary(5), fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 5, maxLength: 5 }), (weights, counts) => {
        const table = tableOf(
          appRoutes({
            versions: [...weights.keys()].map(ref),
            weights: toRecord(weights),
            services: [service('cart', Object.fromEntries([...weights.keys()].map((version, index) => [version, counts[index] ?? 1])))],
          }),
        );
        const hits = new Map([...weights.keys()].map((version) => [version, 0]));
        for (let point = 0; point < TOTAL_BP; point++) {
          const result = resolve(table, { namespace: 'default', app: 'MyApp', service: 'cart' }, () => (point + 0.5) / TOTAL_BP);
          if (result.ok) hits.set(result.version.version, (hits.get(result.version.version) ?? 0) + 1);
        }
        expect([...hits]).toEqual([...weights]);
      }),
      { numRuns: 30 },
    );
  });
});

function weightsOf(app: { services: ReadonlyMap<string, { weights: Weights | null }> }, name: string): [number, number][] {
  return [...(app.services.get(name)?.weights ?? [])];
}

function ref(version: number) {
  return { version, artifactVersion: '1.0.0' };
}

function run(version: number) {
  return { version, instances: [] };
}
