import fc from 'fast-check';
import { compileApp } from './compile-app.js';
import { type HostClaim, HostTable } from './host-table.js';
import { isHostPattern, isPathPrefix } from './hosts.js';
import { RouteTable } from './route-table.js';
import type { InstanceRef } from './routes.js';
import { appRoutes, service } from './testing/app-routes.js';

const claim = (app: string, host: string, prefix = ''): HostClaim => ({ namespace: 'default', app, service: 'web', host, prefix });

/** `shop.example.com/cart` of app `cart` and so on: the app is the part before the colon. */
function tableOf(...claims: string[]): HostTable {
  const table = new HostTable();
  const byApp = new Map<string, HostClaim[]>();
  for (const text of claims) {
    const [app = '', place = ''] = text.split(': ');
    const slash = place.indexOf('/');
    const one = slash < 0 ? claim(app, place) : claim(app, place.slice(0, slash), place.slice(slash));
    byApp.set(app, [...(byApp.get(app) ?? []), one]);
  }
  for (const [app, own] of byApp) table.replace(`default/${app}`, own);
  return table;
}

describe('issue 3: host routes: exact host before wildcard, longest prefix first', () => {
  const table = tableOf(
    'shop: shop.example.com',
    'cart: shop.example.com/cart',
    'basket: shop.example.com/cart/basket',
    'api: api.example.com/v1',
    'any: *.example.com',
    'anyCart: *.example.com/cart',
    'deep: *.eu.example.com',
    'local: localhost',
  );
  const cases: [authority: string, path: string, app: string | null][] = [
    ['shop.example.com', '/', 'shop'],
    ['shop.example.com', '', 'shop'],
    ['shop.example.com', '/other/cart', 'shop'],
    ['shop.example.com', '/cart', 'cart'],
    ['shop.example.com', '/cart/', 'cart'],
    ['shop.example.com', '/cart/total', 'cart'],
    ['shop.example.com', '/cart/basket', 'basket'],
    ['shop.example.com', '/cart/basket/1/2/3/4/5/6/7/8/9', 'basket'],
    // Whole segments only, compared as they are.
    ['shop.example.com', '/cartography', 'shop'],
    ['shop.example.com', '/cart/basketball', 'cart'],
    ['shop.example.com', '/Cart', 'shop'],
    ['shop.example.com', '//cart', 'shop'],
    ['shop.example.com', '*', 'shop'],
    // Case, port and a dot at the end do not matter.
    ['Shop.EXAMPLE.com', '/cart', 'cart'],
    ['shop.example.com:8081', '/cart', 'cart'],
    ['shop.example.com:', '/cart', 'cart'],
    ['SHOP.example.com.:80', '/cart', 'cart'],
    ['localhost:8081', '/', 'local'],
    // Wildcards: every name below, the longer one first; not the name itself.
    ['blog.example.com', '/', 'any'],
    ['a.b.example.com', '/', 'any'],
    ['blog.example.com', '/cart/x', 'anyCart'],
    ['shop.eu.example.com', '/', 'deep'],
    ['eu.example.com', '/', 'any'],
    ['example.com', '/', null],
    ['.example.com', '/', null],
    ['blog.example.com.evil.com', '/', null],
    // A host without a fitting prefix leaves the request to the next wider one.
    ['api.example.com', '/v1/x', 'api'],
    ['api.example.com', '/v2/x', 'any'],
    ['api.example.com', '/cart', 'anyCart'],
    ['shop.eu.example.com', '/cart', 'deep'],
    ['other.com', '/', null],
    ['', '/', null],
    ['constructor', '/', null],
    ['[::1]:8081', '/', null],
    [`${'a.'.repeat(5_000)}example.com`, '/', null],
  ];
  it.each(cases)('%s%s → %s', (authority, path, app) => {
    expect(table.lookup(authority, path)?.app ?? null).toBe(app);
  });

  it('knows nothing when nothing is claimed', () => {
    expect(new HostTable().lookup('shop.example.com', '/')).toBeUndefined();
  });

  it('says what comes off the path', () => {
    expect(table.lookup('shop.example.com', '/cart/total')).toEqual(claim('cart', 'shop.example.com', '/cart'));
  });
});

describe('HostTable.replace', () => {
  const at = (table: HostTable, path = '/') => table.lookup('a.com', path)?.app ?? null;

  it('puts claims in the place of the former ones; none takes the app out', () => {
    const table = tableOf('one: a.com', 'one: b.com');
    table.replace('default/one', [claim('one', 'a.com', '/x')]);
    expect([at(table), at(table, '/x'), table.lookup('b.com', '/')]).toEqual([null, 'one', undefined]);
    table.replace('default/one', []);
    expect([at(table), at(table, '/x')]).toEqual([null, null]);
  });

  it('two apps claim the same: the one that has it keeps it until it lets go, then the one that came next has it', () => {
    const table = tableOf('one: a.com');
    table.replace('default/two', [claim('two', 'a.com'), claim('two', 'c.com')]);
    table.replace('default/three', [claim('three', 'a.com')]);
    table.replace('default/one', [claim('one', 'a.com')]);
    expect([at(table), table.lookup('c.com', '/')?.app]).toEqual(['one', 'two']);
    table.replace('default/one', []);
    expect(at(table)).toBe('two');
    table.replace('default/two', [claim('two', 'c.com')]);
    expect(at(table)).toBe('three');
    table.replace('default/three', []);
    expect(at(table)).toBeNull();
  });

  it('a claim that waits and is withdrawn changes nothing', () => {
    const table = tableOf('one: a.com', 'two: a.com', 'three: a.com');
    table.replace('default/two', []);
    expect(at(table)).toBe('one');
    table.replace('default/one', []);
    expect(at(table)).toBe('three');
  });

  it('the same names in another namespace are another app', () => {
    const table = tableOf('one: a.com');
    table.replace('other/one', [{ ...claim('one', 'a.com'), namespace: 'other' }]);
    expect(table.lookup('a.com', '/')?.namespace).toBe('default');
    table.replace('default/one', []);
    expect(table.lookup('a.com', '/')?.namespace).toBe('other');
  });

  it('a claim moves to another service of its app without leaving a gap', () => {
    const table = tableOf('one: a.com', 'two: a.com');
    table.replace('default/one', [{ ...claim('one', 'a.com'), service: 'other' }]);
    expect(table.lookup('a.com', '/')?.service).toBe('other');
  });

  const host = fc.constantFrom('a.com', 'b.a.com', 'c.b.a.com', '*.a.com', '*.b.a.com', '*.com');
  const prefix = fc.array(fc.constantFrom('/x', '/y'), { maxLength: 3 }).map((segments) => segments.join(''));
  const app = fc.constantFrom('one', 'two', 'three');
  const place = fc.tuple(host, prefix);
  const key = ([own, path]: [string, string]) => own + path;

  it('answers as a plain search over who holds what would, whatever the changes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(app, fc.uniqueArray(place, { selector: key, maxLength: 4 })), { maxLength: 12 }), (changes) => {
        const table = new HostTable();
        const waiting = new Map<string, string[]>();
        const places = new Map<string, [string, string]>();
        for (const [owner, claims] of changes) {
          table.replace(
            `default/${owner}`,
            claims.map(([own, path]) => claim(owner, own, path)),
          );
          const wanted = new Set(claims.map(key));
          for (const one of claims) {
            places.set(key(one), one);
            const queue = waiting.get(key(one)) ?? [];
            waiting.set(key(one), queue.includes(owner) ? queue : [...queue, owner]);
          }
          for (const [id, queue] of waiting)
            if (!wanted.has(id))
              waiting.set(
                id,
                queue.filter((other) => other !== owner),
              );
        }
        const held = [...waiting].flatMap(([id, [owner]]) => (owner === undefined ? [] : [{ place: places.get(id)!, owner }]));
        for (const name of ['a.com', 'b.a.com', 'c.b.a.com', 'd.c.b.a.com', 'com'])
          for (const path of ['/', '/x', '/x/y', '/x/y/x/y', '/xx', '/y/y/y/z'])
            expect(table.lookup(name, path)?.app).toBe(search(held, name, path));
      }),
      { numRuns: 200 },
    );
  });
});

/** The rule as its sentence says it: narrower hosts first, then longer prefixes. */
function search(held: { place: [string, string]; owner: string }[], name: string, path: string): string | undefined {
  const fitting = held.filter(({ place: [host, prefix] }) => {
    const hostFits = host.startsWith('*.') ? name.endsWith(host.slice(1)) && name.length > host.length - 1 : host === name;
    return hostFits && (path === prefix || path.startsWith(`${prefix}/`));
  });
  const rank = (host: string) => (host.startsWith('*.') ? host.length : 1_000);
  fitting.sort(({ place: [a, p] }, { place: [b, q] }) => rank(b) - rank(a) || q.length - p.length);
  return fitting[0]?.owner;
}

describe('host routes in the table of apps', () => {
  const shop = (hosts: string[], pathPrefix = '/') =>
    compileApp<InstanceRef>(appRoutes({ services: [{ ...service('web', { 1: 1 }), hosts: { hosts, pathPrefix } }] }), (ref) => ref);

  it('come and go with their app', () => {
    const table = new RouteTable<InstanceRef>();
    table.replace(shop(['a.com', '*.a.com'], '/cart'));
    expect(table.lookupHost('a.com', '/cart/x')).toEqual({
      namespace: 'default',
      app: 'MyApp',
      service: 'web',
      host: 'a.com',
      prefix: '/cart',
    });
    expect(table.lookupHost('b.a.com', '/')).toBeUndefined();
    table.replace(shop(['b.com']));
    expect([table.lookupHost('a.com', '/cart'), table.lookupHost('b.com', '/x')?.prefix]).toEqual([undefined, '']);
    table.remove('default', 'MyApp');
    expect(table.lookupHost('b.com', '/')).toBeUndefined();
  });

  it('one app that claims the same twice is refused', () => {
    const both = ['web', 'api'].map((name) => ({ ...service(name, { 1: 1 }), hosts: { hosts: ['a.com'], pathPrefix: '/' } }));
    expect(() => compileApp(appRoutes({ services: both }), (ref) => ref)).toThrow('a.com is claimed twice');
  });
});

describe('what may be claimed', () => {
  it.each([
    ['shop.example.com', true],
    ['*.example.com', true],
    ['localhost', true],
    ['xn--mnchen-3ya.de', true],
    ['my_service', true],
    ['10.0.0.1', true],
    ['*', false],
    ['*.', false],
    ['*.*.example.com', false],
    ['shop.*.com', false],
    ['*shop.example.com', false],
    ['Shop.example.com', false],
    ['shop.example.com.', false],
    ['shop.example.com:80', false],
    ['shop..com', false],
    ['-shop.com', false],
    ['shop-.com', false],
    ['münchen.de', false],
    ['http://shop.example.com', false],
    ['shop.example.com/cart', false],
    ['[::1]', false],
    ['', false],
    [`${'a'.repeat(64)}.com`, false],
    [`${'a.'.repeat(126)}a`, true],
    [`${'a.'.repeat(127)}a`, false],
  ])('host %s: %s', (host, allowed) => {
    expect(isHostPattern(host)).toBe(allowed);
  });

  it.each([
    ['/', true],
    ['/cart', true],
    ['/cart/v1.0/~x', true],
    ['/1/2/3/4/5/6/7/8', true],
    ['/1/2/3/4/5/6/7/8/9', false],
    ['', false],
    ['cart', false],
    ['/cart/', false],
    ['//cart', false],
    ['/cart//x', false],
    ['/..', false],
    ['/cart/./x', false],
    ['/c%61rt', false],
    ['/cart?x', false],
    ['/kä', false],
    [`/${'x'.repeat(255)}`, true],
    [`/${'x'.repeat(256)}`, false],
  ])('path prefix %s: %s', (prefix, allowed) => {
    expect(isPathPrefix(prefix)).toBe(allowed);
  });
});
