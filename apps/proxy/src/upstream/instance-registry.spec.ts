import type { InstanceState } from './instance.js';
import { InstanceRegistry } from './instance-registry.js';

const A = { id: 'a', url: 'http://127.0.0.1:1' };
const B = { id: 'b', url: 'http://127.0.0.1:2' };

function bench() {
  const left: string[] = [];
  const registry = new InstanceRegistry((instance) => left.push(instance.id));
  const replace = (...refs: { id: string; url: string }[]) =>
    registry.replaceApp('ns/app', (obtain) => refs.map(obtain)) as InstanceState[];
  return { registry, left, replace };
}

describe('InstanceRegistry', () => {
  it('keeps the state of an instance across tables', () => {
    const { replace, left } = bench();
    const [first] = replace(A, B);
    const [again] = replace(A);
    expect(again).toBe(first);
    expect(left).toEqual(['b']);
  });

  it('the same id at another address is another instance', () => {
    const { replace, left } = bench();
    const [first] = replace(A);
    const [moved] = replace({ ...A, url: 'http://127.0.0.1:3' });
    expect(moved).not.toBe(first);
    expect(left).toEqual(['a']);
  });

  it('counts what a leaving instance still finishes, then forgets it', () => {
    const { registry, replace } = bench();
    const [first] = replace(A) as [InstanceState];
    first.inFlight = 2;
    replace(B);
    expect([registry.inFlight(), first.leaving]).toEqual([{ a: 2 }, true]);
    first.inFlight = 0;
    registry.released(first);
    expect(registry.inFlight()).toEqual({});
    expect(replace(A)[0]).not.toBe(first);
  });

  it('an instance that rests is not counted, and is again when it serves again', () => {
    const { registry, replace } = bench();
    const [first] = replace(A, B) as [InstanceState];
    for (const inFlight of [1, 2, 1, 0, 3]) {
      first.inFlight = inFlight;
      expect(registry.inFlight()).toEqual(inFlight === 0 ? {} : { a: inFlight });
    }
  });

  it('a busy instance that comes back is the same one', () => {
    const { registry, replace } = bench();
    const [first] = replace(A) as [InstanceState];
    first.inFlight = 1;
    replace();
    expect(replace(A)[0]).toBe(first);
    expect([first.leaving, registry.inFlight()]).toEqual([false, { a: 1 }]);
  });

  it('a table that cannot be compiled changes nothing', () => {
    const { registry, replace, left } = bench();
    const [first] = replace(A) as [InstanceState];
    first.inFlight = 1;
    for (const url of ['ftp://x', 'not a url', 'http://user:pw@h', 'http://h/?q']) {
      expect(() => replace(B, { id: 'c', url })).toThrow('not the base URL of an instance');
    }
    expect([registry.inFlight(), first.leaving, left]).toEqual([{ a: 1 }, false, []]);
    expect(replace(A)[0]).toBe(first);
  });

  it('reads addresses', () => {
    const { replace } = bench();
    const states = replace({ id: 'a', url: 'http://[::1]:81' }, { id: 'b', url: 'https://h/base/' }, { id: 'c', url: 'http://h' });
    expect(states.map((state) => state.address)).toEqual([
      { protocol: 'http:', hostname: '::1', port: 81, basePath: '' },
      { protocol: 'https:', hostname: 'h', port: 443, basePath: '/base' },
      { protocol: 'http:', hostname: 'h', port: 80, basePath: '' },
    ]);
  });
});
