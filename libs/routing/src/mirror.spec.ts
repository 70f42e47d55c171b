import { compileApp } from './compile-app.js';
import { shouldMirror } from './mirror.js';
import type { InstanceRef, Mirror } from './routes.js';
import { appRoutes, service } from './testing/app-routes.js';
import { TOTAL_BP } from './weights.js';

function mirrorOf(mirror: Mirror, name = 'cart') {
  const services = [service('cart', { 1: 1, 2: 1, 3: 0 }), service('pay', { 1: 1, 2: 1 })];
  return compileApp<InstanceRef>(appRoutes({ mirror, services }), (ref) => ref).services.get(name)?.mirror ?? null;
}

describe('issue 3: mirroring', () => {
  it('goes to the version that is named, with a default for bodies', () => {
    const mirror = mirrorOf({ version: 2, shareBp: 1_250 });
    expect([mirror?.version.version, mirror?.shareBp, mirror?.maxBodyBytes]).toEqual([2, 1_250, 65_536]);
    expect(mirrorOf({ version: 2, shareBp: 1, maxBodyBytes: 0 })?.maxBodyBytes).toBe(0);
  });

  it('a service may have its own, or none', () => {
    const mirror: Mirror = { version: 2, shareBp: 100, services: { pay: { version: 1, shareBp: 0 }, cart: { version: 1, shareBp: 300 } } };
    expect([mirrorOf(mirror)?.version.version, mirrorOf(mirror)?.shareBp, mirrorOf(mirror, 'pay')]).toEqual([1, 300, null]);
    expect(mirrorOf({ ...mirror, services: {} }, 'pay')?.shareBp).toBe(100);
  });

  it.each([
    ['a share of 0', { version: 2, shareBp: 0 }],
    ['a version that does not run', { version: 9, shareBp: 100 }],
    ['a version without a usable instance', { version: 3, shareBp: 100 }],
  ])('nothing is copied with %s', (_label, mirror) => {
    expect(mirrorOf(mirror)).toBeNull();
  });

  it('copies exactly the share, and nothing that its version has served already', () => {
    const mirror = mirrorOf({ version: 2, shareBp: 1_234 });
    let copied = 0;
    for (let point = 0; point < TOTAL_BP; point++) if (shouldMirror(mirror, 1, () => (point + 0.5) / TOTAL_BP)) copied++;
    expect(copied).toBe(1_234);
    expect(shouldMirror(mirror, 2, () => 0)).toBe(false);
    expect(shouldMirror(null, 1, () => 0)).toBe(false);
    expect(shouldMirror(mirrorOf({ version: 2, shareBp: TOTAL_BP }), 1, () => 1 - 2 ** -53)).toBe(true);
  });
});
