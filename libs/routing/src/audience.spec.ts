import fc from 'fast-check';
import { compileApp } from './compile-app.js';
import { effectiveWeights } from './reallocate.js';
import { type RouteRequest, resolve } from './resolve.js';
import type { AppRoutes, AudienceCondition, AudienceRule } from './routes.js';
import { appRoutes, service, tableOf } from './testing/app-routes.js';
import { weightsArbitrary } from './testing/arbitraries.js';
import { type FakeRequest, requestValues } from './testing/request-values.js';
import { binomialBound, seededRandom } from './testing/seeded-random.js';
import { TOTAL_BP, toRecord } from './weights.js';

const STAFF: AudienceCondition = { by: 'header', name: 'X-Group', equals: 'staff' };
const staff = requestValues({ headers: { 'x-group': 'staff' } });
const customer = requestValues({});

const rule = (then: AudienceRule['then'], ...when: AudienceCondition[]): AudienceRule => ({ name: 'staff', when, then });

/** 90/10 for everyone else. */
const shop = (audiences: AudienceRule[], change: Partial<AppRoutes> = {}) =>
  tableOf(appRoutes({ weights: { 1: 10_000 }, services: [service('cart', { 1: 1, 2: 1 })], audiences, ...change }));

function outcome(table: ReturnType<typeof tableOf>, request: Partial<RouteRequest>, random = seededRandom(1)): string {
  const result = resolve(table, { namespace: 'default', app: 'MyApp', service: 'cart', ...request }, random);
  return result.ok ? `${result.version.version} ${result.reason}` : result.code;
}

describe('issue 3: conditions of an audience', () => {
  const cases: [string, AudienceCondition, FakeRequest, boolean][] = [
    ['header equals', STAFF, { headers: { 'x-group': 'staff' } }, true],
    ['header equals: the value is case-sensitive', STAFF, { headers: { 'x-group': 'Staff' } }, false],
    ['header equals: absent', STAFF, {}, false],
    ['header equals the empty text', { by: 'header', name: 'x', equals: '' }, { headers: { x: '' } }, true],
    ['header equals the empty text: absent is something else', { by: 'header', name: 'x', equals: '' }, {}, false],
    ['header oneOf', { by: 'header', name: 'x', oneOf: ['a', 'b'] }, { headers: { x: 'b' } }, true],
    ['header oneOf: none of them', { by: 'header', name: 'x', oneOf: ['a', 'b'] }, { headers: { x: 'a, b' } }, false],
    ['header oneOf: absent', { by: 'header', name: 'x', oneOf: ['undefined'] }, {}, false],
    ['header prefix', { by: 'header', name: 'User-Agent', prefix: 'Shop/2' }, { headers: { 'user-agent': 'Shop/2.1' } }, true],
    ['header prefix: not at the beginning', { by: 'header', name: 'x', prefix: 'b' }, { headers: { x: 'ab' } }, false],
    ['header prefix: absent', { by: 'header', name: 'x', prefix: '' }, {}, false],
    ['header present', { by: 'header', name: 'x', present: true }, { headers: { x: '' } }, true],
    ['header present: absent', { by: 'header', name: 'x', present: true }, {}, false],
    ['header absent', { by: 'header', name: 'x', present: false }, {}, true],
    ['header absent: present', { by: 'header', name: 'x', present: false }, { headers: { x: '' } }, false],
    ['cookie', { by: 'cookie', name: 'beta', equals: '1' }, { cookies: { beta: '1' }, headers: { beta: '2' } }, true],
    ['cookie: the name is case-sensitive', { by: 'cookie', name: 'Beta', equals: '1' }, { cookies: { beta: '1' } }, false],
    ['query', { by: 'query', name: 'preview', present: true }, { query: { preview: '' } }, true],
    ['query: another one', { by: 'query', name: 'preview', present: true }, { query: { Preview: '1' } }, false],
    ['address', { by: 'address', cidr: ['10.0.0.0/8', '2001:db8::/32'] }, { address: '::ffff:10.1.2.3' }, true],
    ['address of the other family', { by: 'address', cidr: ['10.0.0.0/8', '2001:db8::/32'] }, { address: '2001:db8::1' }, true],
    ['address: none of the networks', { by: 'address', cidr: ['10.0.0.0/8'] }, { address: '11.0.0.1' }, false],
    ['address that is none', { by: 'address', cidr: ['0.0.0.0/0'] }, { address: '' }, false],
  ];
  it.each(cases)('%s', (_label, condition, request, holds) => {
    const table = shop([rule({ version: 2 }, condition)]);
    expect(outcome(table, { values: requestValues(request) })).toBe(holds ? '2 audience' : '1 weighted');
  });

  it('all of them must hold', () => {
    const table = shop([rule({ version: 2 }, STAFF, { by: 'query', name: 'preview', equals: '1' })]);
    const both = requestValues({ headers: { 'x-group': 'staff' }, query: { preview: '1' } });
    expect([staff, requestValues({ query: { preview: '1' } }), both].map((values) => outcome(table, { values }))).toEqual([
      '1 weighted',
      '1 weighted',
      '2 audience',
    ]);
  });

  it('a value is looked up only when a condition asks for it', () => {
    const asked: string[] = [];
    const note = (place: string) => (name: string) => {
      asked.push(`${place} ${name}`);
      return undefined;
    };
    const values = { header: note('header'), cookie: note('cookie'), query: note('query'), address: '' };
    outcome(shop([]), { values });
    outcome(shop([rule({ version: 2 }, STAFF, { by: 'cookie', name: 'beta', present: true })]), { values });
    expect(asked).toEqual(['header x-group']);
  });

  it('a network that is none is refused before any instance is made', () => {
    const made: unknown[] = [];
    const routes = appRoutes({
      services: [service('cart', { 1: 1 })],
      audiences: [rule({ version: 1 }, { by: 'address', cidr: ['ten'] })],
    });
    expect(() => compileApp(routes, (ref) => made.push(ref))).toThrow('audience staff: ten is not a network');
    expect(made).toEqual([]);
  });
});

describe('issue 3: audience rules: first match wins, after pins, before affinity and distribution', () => {
  const affinity = { by: 'header', name: 'x-user' } as const;

  it('everyone else follows the distribution, also a caller that gives no values', () => {
    const table = shop([rule({ version: 2 }, STAFF)]);
    expect([outcome(table, { values: staff }), outcome(table, { values: customer }), outcome(table, {})]).toEqual([
      '2 audience',
      '1 weighted',
      '1 weighted',
    ]);
  });

  it('the first rule that matches', () => {
    const any: AudienceCondition = { by: 'header', name: 'none', present: false };
    expect(outcome(shop([rule({ version: 1 }, STAFF), rule({ version: 2 }, any)]), { values: staff })).toBe('1 audience');
    expect(outcome(shop([rule({ version: 2 }, any), rule({ version: 1 }, STAFF)]), { values: staff })).toBe('2 audience');
  });

  it('comes after every pin, and before affinity and fallback', () => {
    const rules = [rule({ version: 2 }, STAFF)];
    const table = shop(rules, { affinity, pinByAccept: true });
    const pins: Partial<RouteRequest>[] = [
      { pathVersion: '1' },
      { versionHeader: '1' },
      { artifactHeader: '1.0.0' },
      { acceptHeader: 'a/b;app-version=1' },
    ];
    for (const pin of pins) expect(outcome(table, { ...pin, values: staff })).toBe('1 pinned');
    expect(outcome(table, { pathVersion: 'latest', values: staff, affinityKey: 'alice' })).toBe('2 audience');
    expect(outcome(shop(rules, { weights: null, fallback: 'none' }), { values: staff })).toBe('2 audience');
  });

  it('weights of its own are followed', () => {
    const table = shop([rule({ weights: { 1: 2_500, 2: 7_500 } }, STAFF)]);
    const random = seededRandom(5);
    const trials = 10_000;
    let hits = 0;
    for (let times = 0; times < trials; times++) if (outcome(table, { values: staff }, random) === '2 audience') hits++;
    expect(Math.abs(hits - trials * 0.75)).toBeLessThan(binomialBound(trials, 0.75));
  });

  it('affinity works inside of a rule: consumers stay, and the choice says that the key made it', () => {
    const table = shop([rule({ weights: { 1: 5_000, 2: 5_000 } }, STAFF)], { affinity });
    const random = seededRandom(6);
    const users = Array.from({ length: 50 }, (_, index) => `user-${index}`);
    const first = users.map((affinityKey) => outcome(table, { values: staff, affinityKey }, random));
    expect(users.map((affinityKey) => outcome(table, { values: staff, affinityKey }, random))).toEqual(first);
    expect(new Set(first)).toEqual(new Set(['1 audience', '2 audience']));
    expect(byAffinity(table, { values: staff, affinityKey: 'alice' })).toBe(true);
    expect(byAffinity(table, { values: staff })).toBe(false);
    expect(byAffinity(table, { values: customer, affinityKey: 'alice' })).toBe(true);
    // One version is nothing that a key could decide.
    expect(byAffinity(shop([rule({ version: 2 }, STAFF)], { affinity }), { values: staff, affinityKey: 'alice' })).toBe(false);
  });

  it('gives the same shared object for the same choice: nothing is allocated', () => {
    const table = shop([rule({ version: 2 }, STAFF)]);
    const request = { namespace: 'default', app: 'MyApp', service: 'cart', values: staff };
    expect(resolve(table, request, () => 0)).toBe(resolve(table, request, () => 0));
  });
});

describe('issue 3: a rule names a version that does not run', () => {
  const services = (counts: Record<number, number>) => ({ services: [service('cart', counts)] });
  const cases: [string, AudienceRule['then'], Record<number, number>, redistribute: string, fail: string][] = [
    ['not running', { version: 3 }, { 1: 1, 2: 1 }, '1 weighted', 'version_unavailable'],
    ['not existing', { version: 77 }, { 1: 1, 2: 1 }, '1 weighted', 'version_unavailable'],
    ['no usable instance', { version: 2 }, { 1: 1, 2: 0 }, '1 weighted', 'version_unavailable'],
    ['none of several', { weights: { 2: 5_000, 3: 5_000 } }, { 1: 1 }, '1 weighted', 'version_unavailable'],
    ['one of several stopped: its weight moves', { weights: { 2: 5_000, 3: 5_000 } }, { 1: 1, 2: 1 }, '2 audience', '2 audience'],
  ];
  it.each(cases)('%s', (_label, then, counts, redistribute, fail) => {
    const rules = [rule(then, STAFF)];
    expect(outcome(shop(rules, services(counts)), { values: staff })).toBe(redistribute);
    expect(outcome(shop(rules, { ...services(counts), onUnavailable: 'fail' }), { values: staff })).toBe(fail);
    expect(outcome(shop(rules, { ...services(counts), onUnavailable: 'fail' }), { values: customer })).toBe('1 weighted');
  });

  it('redistribute: the next rule that matches is tried', () => {
    const rules = [rule({ version: 3 }, STAFF), rule({ version: 2 }, STAFF)];
    expect(outcome(shop(rules), { values: staff })).toBe('2 audience');
    expect(outcome(shop(rules, { onUnavailable: 'fail' }), { values: staff })).toBe('version_unavailable');
  });

  it('fail: a version of its weights that runs without a usable instance keeps its share, and fails it', () => {
    const rules = [rule({ weights: { 1: 5_000, 2: 5_000 } }, STAFF)];
    const table = shop(rules, { ...services({ 1: 1, 2: 0 }), onUnavailable: 'fail' });
    const random = seededRandom(7);
    const seen = new Set(Array.from({ length: 100 }, () => outcome(table, { values: staff }, random)));
    expect(seen).toEqual(new Set(['1 audience', 'version_unavailable']));
  });

  it("each service by where it runs: another service's rule still holds", () => {
    const table = shop([rule({ version: 2 }, STAFF)], { services: [service('cart', { 1: 1 }), service('pay', { 1: 1, 2: 1 })] });
    expect([outcome(table, { values: staff }), outcome(table, { service: 'pay', values: staff })]).toEqual(['1 weighted', '2 audience']);
  });

  it('stopping versions reallocates the weights of a rule as those of a distribution', () => {
    fc.assert(
      fc.property(weightsArbitrary(5), fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }), (weights, stays) => {
        const running = [...weights.keys()].filter((_, index) => stays[index]);
        const expected = effectiveWeights(weights, new Set(running));
        const app = compileApp(
          appRoutes({
            versions: [...weights.keys()].map((version) => ({ version, artifactVersion: '1.0.0' })),
            audiences: [rule({ weights: toRecord(weights) }, STAFF)],
            services: [service('cart', Object.fromEntries(running.map((version) => [version, 1])))],
          }),
          (ref) => ref,
        );
        const [compiled] = app.services.get('cart')?.audiences ?? [];
        const shares = compiled?.split.choices.map(({ version }, index) => [
          version.version,
          (compiled.split.cumulative[index] ?? 0) - (compiled.split.cumulative[index - 1] ?? 0),
        ]);
        expect(shares ?? []).toEqual([...expected].filter(([, weight]) => weight > 0));
        if (compiled) expect(compiled.split.total).toBe(TOTAL_BP);
      }),
    );
  });
});

function byAffinity(table: ReturnType<typeof tableOf>, request: Partial<RouteRequest>): boolean | null {
  const result = resolve(table, { namespace: 'default', app: 'MyApp', service: 'cart', ...request }, () => 0.1);
  return result.ok ? result.byAffinity : null;
}
