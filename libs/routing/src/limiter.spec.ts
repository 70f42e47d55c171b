import { compileApp } from './compile-app.js';
import { admit, Limiter, leave } from './limiter.js';
import { LimiterRegistry } from './limiter-registry.js';
import type { InstanceRef, Limits } from './routes.js';
import { appRoutes, service } from './testing/app-routes.js';

const enter = (limiter: Limiter, nowMs = 0) => admit(limiter, null, nowMs);
/** How many come in at once. */
function capacity(limiter: Limiter, nowMs = 0): number {
  let count = 0;
  while (count < 10_000 && enter(limiter, nowMs) === 0) count++;
  return count;
}

describe('issue 3: throttling: requests per second and concurrent requests, per version and per service', () => {
  it('nothing that is not limited is limited', () => {
    expect(admit(null, null, 0)).toBe(0);
    leave(null, null);
    expect(capacity(new Limiter({}, 1))).toBe(10_000);
  });

  it('concurrent: full until one leaves, then one more', () => {
    const limiter = new Limiter({ concurrent: 2 }, 1);
    expect([enter(limiter), enter(limiter), enter(limiter)]).toEqual([0, 0, 1_000]);
    leave(limiter, null);
    expect([enter(limiter), enter(limiter), limiter.inFlight]).toEqual([0, 1_000, 2]);
  });

  it('rate: says when to try again', () => {
    const limiter = new Limiter({ requestsPerSecond: 4, burst: 1 }, 1);
    expect([enter(limiter), enter(limiter), enter(limiter, 250)]).toEqual([0, 250, 0]);
  });

  it('burst: by default the requests of one second, at least one', () => {
    expect(capacity(new Limiter({ requestsPerSecond: 7 }, 1))).toBe(7);
    expect(capacity(new Limiter({ requestsPerSecond: 0.1 }, 1))).toBe(1);
    expect(capacity(new Limiter({ requestsPerSecond: 7, burst: 2 }, 1))).toBe(2);
  });

  it('what the version refuses costs the service nothing, and the other way round', () => {
    const services = new Limiter({ requestsPerSecond: 1, burst: 2, concurrent: 10 }, 1);
    const version = new Limiter({ concurrent: 1 }, 1);
    expect([admit(services, version, 0), admit(services, version, 0), admit(services, null, 0), admit(services, null, 0)]).toEqual([
      0, 1_000, 0, 1_000,
    ]);
    expect([services.inFlight, version.inFlight]).toEqual([2, 1]);
    leave(services, version);
    const rated = new Limiter({ requestsPerSecond: 1, burst: 1 }, 1);
    expect([admit(services, rated, 0), rated.inFlight, rated.waitMs(0)]).toEqual([1_000, 0, 0]);
    // The longer wait is the one that helps.
    expect(admit(new Limiter({ requestsPerSecond: 0.1, burst: 1 }, 1), services, 0)).toBe(1_000);
  });

  const shares: [share: number, workers: number, concurrent: number, together: number][] = [
    [1, 1, 5, 5],
    [1 / 2, 2, 8, 8],
    [1 / 3, 3, 9, 9],
    [1 / 49, 49, 98, 98],
    // Rounded down, so that all together never exceed the limit …
    [1 / 2, 2, 5, 4],
    [1 / 3, 3, 100, 99],
    // … but for the one that each of them has at least.
    [1 / 4, 4, 2, 4],
  ];
  it.each(shares)('a share of %d: %d workers let %d at once in as %d together', (share, workers, concurrent, together) => {
    const limiters = Array.from({ length: workers }, () => new Limiter({ concurrent }, share));
    expect(limiters.reduce((sum, limiter) => sum + capacity(limiter), 0)).toBe(together);
  });

  it('workers divide rate and burst', () => {
    const limiters = Array.from({ length: 4 }, () => new Limiter({ requestsPerSecond: 100, burst: 20 }, 1 / 4));
    const all = (nowMs: number) => limiters.reduce((sum, limiter) => sum + capacity(limiter, nowMs), 0);
    expect([all(0), all(40), all(80)]).toEqual([20, 4, 4]);
  });
});

describe('LimiterRegistry', () => {
  const routes = (limits: Limits) => appRoutes({ limits, services: [service('cart', { 1: 1, 2: 1 }), service('pay', { 1: 1, 2: 1 })] });

  function compile(registry: LimiterRegistry, limits: Limits) {
    let services = new Map<string, unknown>();
    registry.replaceApp('default/MyApp', (obtain) => {
      const app = compileApp<InstanceRef>(routes(limits), (ref) => ref, obtain);
      services = new Map(
        [...app.services].flatMap(([name, { limiter, versions }]) => [
          [name, limiter] as const,
          ...versions.map((version) => [`${name} ${version.version}`, version.limiter] as const),
        ]),
      );
    });
    return (place: string) => services.get(place) as Limiter | null;
  }

  it('a service has its own; a version has one over all its services; the rest has none', () => {
    const at = compile(new LimiterRegistry(), { services: { cart: { concurrent: 1 } }, versions: { 2: { concurrent: 1 } } });
    expect([at('pay'), at('cart 1'), at('pay 1')]).toEqual([null, null, null]);
    expect(at('cart')).not.toBeNull();
    expect(at('cart 2')).toBe(at('pay 2'));
    expect(at('cart 2')).not.toBeNull();
  });

  it('without a registry too: one for a version, however many services it has', () => {
    const { services } = compileApp<InstanceRef>(routes({ versions: { 2: { concurrent: 1 } } }), (ref) => ref);
    const [cart, pay] = ['cart', 'pay'].map((name) => services.get(name)?.versions[1]?.limiter);
    expect(cart).toBeInstanceOf(Limiter);
    expect(pay).toBe(cart);
  });

  it('a limiter outlives a change of routes with what it has counted, and takes the new limit', () => {
    const registry = new LimiterRegistry();
    const before = compile(registry, { services: { cart: { concurrent: 2 } } })('cart')!;
    enter(before);
    enter(before);
    const after = compile(registry, { services: { cart: { concurrent: 3, requestsPerSecond: 1, burst: 5 } } })('cart')!;
    expect(after).toBe(before);
    expect([enter(after), enter(after)]).toEqual([0, 1_000]);
  });

  it('what routes no longer name is forgotten; a request that is in still leaves', () => {
    const registry = new LimiterRegistry();
    const before = compile(registry, { services: { cart: { concurrent: 1 } } })('cart')!;
    enter(before);
    compile(registry, {});
    const after = compile(registry, { services: { cart: { concurrent: 1 } } })('cart')!;
    expect(after).not.toBe(before);
    leave(before, null);
    expect([enter(after), before.inFlight]).toEqual([0, 0]);
  });

  it('when the routes are refused, the former limiters stay', () => {
    const registry = new LimiterRegistry();
    const before = compile(registry, { services: { cart: { concurrent: 1 } } })('cart');
    expect(() =>
      registry.replaceApp('default/MyApp', () => {
        throw new Error('refused');
      }),
    ).toThrow('refused');
    expect(compile(registry, { services: { cart: { concurrent: 1 } } })('cart')).toBe(before);
  });

  it('a new share counts at once, for what is there and what comes', () => {
    const registry = new LimiterRegistry(1);
    const limiter = compile(registry, { services: { cart: { concurrent: 8 } } })('cart')!;
    registry.setShare(0.25);
    expect(capacity(limiter)).toBe(2);
    expect(compile(registry, { services: { pay: { concurrent: 8 } } })('pay')!.waitMs(0)).toBe(0);
    expect(capacity(compile(registry, { services: { pay: { concurrent: 8 } } })('pay')!)).toBe(2);
  });

  it('apps do not share limiters', () => {
    const registry = new LimiterRegistry();
    const seen: Limiter[] = [];
    for (const app of ['one', 'two'])
      registry.replaceApp(`default/${app}`, (obtain) => seen.push(obtain(`default/${app}/services/cart`, { concurrent: 1 })));
    expect(seen[0]).not.toBe(seen[1]);
  });
});
