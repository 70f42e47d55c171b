import { compileApp } from './compile-app.js';
import { RouteTable } from './route-table.js';
import type { InstanceRef } from './routes.js';
import { appRoutes } from './testing/app-routes.js';

function compiled(namespace: string, app: string) {
  return compileApp<InstanceRef>(appRoutes({ namespace, app }), (ref) => ref);
}

describe('RouteTable', () => {
  it('holds one app per name and gives back the one that it replaced', () => {
    const table = new RouteTable<InstanceRef>();
    const first = compiled('a', 'shop');
    const second = compiled('a', 'shop');
    expect([table.replace(first), table.get('a', 'shop'), table.size]).toEqual([undefined, first, 1]);
    expect(table.replace(second)).toBe(first);
    expect(table.get('a', 'shop')).toBe(second);
    expect(table.size).toBe(1);
  });

  it('keeps the same name in two namespaces apart', () => {
    const table = new RouteTable<InstanceRef>();
    const [left, right] = [compiled('a', 'shop'), compiled('b', 'shop')];
    table.replace(left);
    table.replace(right);
    expect([...table.apps()]).toEqual([left, right]);
    expect(table.remove('a', 'shop')).toBe(left);
    expect([table.get('a', 'shop'), table.get('b', 'shop'), table.size]).toEqual([undefined, right, 1]);
  });

  it('does not mind the removal of what is not there', () => {
    const table = new RouteTable<InstanceRef>();
    table.replace(compiled('a', 'shop'));
    expect([table.remove('a', 'other'), table.remove('b', 'shop'), table.size]).toEqual([undefined, undefined, 1]);
    table.remove('a', 'shop');
    expect([table.remove('a', 'shop'), table.size, [...table.apps()]]).toEqual([undefined, 0, []]);
  });

  it('knows no name that every object has, unless it was put there', () => {
    const table = new RouteTable<InstanceRef>();
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(table.get(name, name)).toBeUndefined();
      const app = compiled(name, name);
      table.replace(app);
      expect(table.get(name, name)).toBe(app);
    }
  });
});
