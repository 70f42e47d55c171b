import { compileApp } from './compile-app.js';
import { RouteTable } from './route-table.js';
import type { InstanceRef } from './routes.js';
import { appRoutes } from './testing/app-routes.js';

function compiled(namespace: string, app: string) {
  return compileApp<InstanceRef>(appRoutes({ namespace, app }), (ref) => ref);
}

describe('RouteTable', () => {
  it('holds one app per name', () => {
    const table = new RouteTable<InstanceRef>();
    const first = compiled('a', 'shop');
    const second = compiled('a', 'shop');
    for (const app of [first, second]) {
      table.replace(app);
      expect([table.get('a', 'shop'), table.size]).toEqual([app, 1]);
    }
  });

  it('keeps the same name in two namespaces apart', () => {
    const table = new RouteTable<InstanceRef>();
    const [left, right] = [compiled('a', 'shop'), compiled('b', 'shop')];
    table.replace(left);
    table.replace(right);
    expect([table.get('a', 'shop'), table.get('b', 'shop'), table.size]).toEqual([left, right, 2]);
    expect(table.remove('a', 'shop')).toBe(true);
    expect([table.get('a', 'shop'), table.get('b', 'shop'), table.size]).toEqual([undefined, right, 1]);
  });

  it('does not mind the removal of what is not there', () => {
    const table = new RouteTable<InstanceRef>();
    table.replace(compiled('a', 'shop'));
    expect([table.remove('a', 'other'), table.remove('b', 'shop'), table.size]).toEqual([false, false, 1]);
    table.remove('a', 'shop');
    expect([table.remove('a', 'shop'), table.size, table.get('a', 'shop')]).toEqual([false, 0, undefined]);
  });

  it('compiles an app when it is first asked for, once, and knows its hosts before', () => {
    const table = new RouteTable<InstanceRef>();
    const claim = { namespace: 'a', app: 'shop', service: 'cart', host: 'a.com', prefix: '' };
    const app = { ...compiled('a', 'shop'), hosts: [claim] };
    let made = 0;
    const compile = () => {
      made += 1;
      return app;
    };
    table.replaceUncompiled(app, () => {
      throw new Error('a later one has taken its place');
    });
    table.replaceUncompiled(app, compile);
    expect([made, table.size, table.isCompiled('a', 'shop'), table.lookupHost('a.com', '/')]).toEqual([0, 1, false, claim]);
    expect([table.get('a', 'shop'), table.get('a', 'shop')]).toEqual([app, app]);
    expect([made, table.size, table.isCompiled('a', 'shop'), table.lookupHost('a.com', '/')]).toEqual([1, 1, true, claim]);
    table.replaceUncompiled(app, compile);
    expect([table.remove('a', 'shop'), table.get('a', 'shop'), table.isCompiled('a', 'shop'), made]).toEqual([true, undefined, false, 1]);
    expect(table.lookupHost('a.com', '/')).toBeUndefined();
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
