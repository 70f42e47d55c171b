import { SharedLook } from './shared-look.js';

function bench(patienceMs = 10_000) {
  let nowMs = 0;
  const asked: { resolve(value: string): void; reject(error: Error): void }[] = [];
  const look = () => new Promise<string>((resolve, reject) => asked.push({ resolve, reject }));
  const shared = new SharedLook(look, { keepMs: 1_000, patienceMs, nowMs: () => nowMs });
  const advance = (ms: number) => {
    nowMs += ms;
  };
  return { shared, asked, advance };
}

describe('SharedLook', () => {
  it('looks once for all who ask at once and soon after, then again', async () => {
    const { shared, asked, advance } = bench();
    const [a, b] = [shared.get(), shared.get()];
    asked[0]!.resolve('first');
    expect(await Promise.all([a, b, shared.get()])).toEqual(['first', 'first', 'first']);
    advance(1_000);
    const c = shared.get();
    asked[1]!.resolve('second');
    expect(await c).toBe('second');
    expect(asked).toHaveLength(2);
  });

  it('what fails is null for all, and not asked for again at once', async () => {
    const { shared, asked } = bench();
    const a = shared.get();
    asked[0]!.reject(new Error('away'));
    expect([await a, await shared.get()]).toEqual([null, null]);
    expect(asked).toHaveLength(1);
  });

  it('nobody waits for long, and nothing is asked twice at once', async () => {
    const { shared, asked } = bench(1);
    expect([await shared.get(), await shared.get()]).toEqual([null, null]);
    expect(asked).toHaveLength(1);
    asked[0]!.resolve('late');
    await new Promise((resolve) => setImmediate(resolve));
    expect(await shared.get()).toBe('late');
  });
});
