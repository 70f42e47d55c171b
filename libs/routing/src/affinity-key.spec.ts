import { affinityCookie, affinityKeyOf } from './affinity-key.js';
import { requestValues } from './testing/request-values.js';

describe('issue 3: affinity by header, cookie or client address', () => {
  const values = requestValues({ headers: { 'x-user': 'alice' }, cookies: { session: 'abc', empty: '' }, address: '::ffff:10.0.0.7' });
  it.each([
    ['a header', { by: 'header', name: 'x-user' }, 'alice'],
    ['a header that is absent', { by: 'header', name: 'x-other' }, null],
    ['a cookie', { by: 'cookie', name: 'session' }, 'abc'],
    ['a cookie that is absent', { by: 'cookie', name: 'SESSION' }, null],
    ['a cookie without value', { by: 'cookie', name: 'empty' }, null],
    ['the address, the same whatever socket it came in by', { by: 'address' }, '10.0.0.7'],
  ] as const)('%s', (_label, affinity, expected) => {
    expect(affinityKeyOf(affinity, values)).toBe(expected);
  });

  it('a long key counts by its first 256 characters', () => {
    const long = requestValues({ headers: { 'x-user': 'x'.repeat(10_000) } });
    expect(affinityKeyOf({ by: 'header', name: 'x-user' }, long)).toBe('x'.repeat(256));
  });
});

describe('affinityCookie', () => {
  it('is for the whole host, hidden from scripts, and lives as long as the setting says', () => {
    expect(affinityCookie({ by: 'cookie', name: 'fabric', ttlSeconds: 3_600 }, 'a1-B_2')).toBe(
      'fabric=a1-B_2; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600',
    );
  });

  it("lives as long as the browser's session without one", () => {
    expect(affinityCookie({ by: 'cookie', name: 'fabric' }, 'a1')).toBe('fabric=a1; Path=/; HttpOnly; SameSite=Lax');
  });

  it.each(['', 'a;b', 'a b', 'a\r\nSet-Cookie: x=y', 'ä', 'x'.repeat(129)])('refuses the id %j', (id) => {
    expect(() => affinityCookie({ by: 'cookie', name: 'fabric' }, id)).toThrow(RangeError);
  });
});
