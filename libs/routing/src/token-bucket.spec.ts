import fc from 'fast-check';
import { TokenBucket } from './token-bucket.js';

const rate = fc.double({ min: 0.01, max: 10_000, noNaN: true });
const burst = fc.integer({ min: 1, max: 500 });
const gapsMs = fc.array(fc.double({ min: 0, max: 2_000, noNaN: true }), { maxLength: 200 });

describe('TokenBucket', () => {
  it('lets a burst through, then the rate', () => {
    const bucket = new TokenBucket(10, 3);
    expect([0, 0, 0, 0, 50, 100, 100, 200].map((nowMs) => bucket.take(nowMs))).toEqual([0, 0, 0, 100, 50, 0, 100, 0]);
  });

  it('never saves up more than its burst', () => {
    const bucket = new TokenBucket(10, 2);
    bucket.take(0);
    expect([1e9, 1e9, 1e9].map((nowMs) => bucket.take(nowMs))).toEqual([0, 0, 100]);
  });

  it('begins full whenever it is first asked', () => {
    expect([5e12, 5e12].map((nowMs) => new TokenBucket(1, 1).take(nowMs))).toEqual([0, 0]);
  });

  it('a clock that goes back stands still', () => {
    const bucket = new TokenBucket(10, 1);
    expect([1_000, 500, 0, 1_099, 1_100].map((nowMs) => bucket.take(nowMs))).toEqual([0, 100, 100, 1, 0]);
  });

  it('asking takes nothing', () => {
    const bucket = new TokenBucket(1, 1);
    expect([bucket.waitMs(0), bucket.waitMs(0), bucket.take(0), bucket.waitMs(0), bucket.waitMs(250)]).toEqual([0, 0, 0, 1_000, 750]);
  });

  it('a new rate counts from then on, and what was taken stays taken', () => {
    const bucket = new TokenBucket(1, 10);
    for (let times = 0; times < 10; times++) bucket.take(0);
    bucket.configure(100, 5);
    expect([bucket.take(0), bucket.take(10), bucket.take(10)]).toEqual([10, 0, 10]);
    bucket.configure(100, 1);
    expect([bucket.take(10_000), bucket.take(10_000)]).toEqual([0, 10]);
  });

  it('lets at most burst + t × rate through, in any stretch of time', () => {
    fc.assert(
      fc.property(rate, burst, gapsMs, (perSecond, size, gaps) => {
        const bucket = new TokenBucket(perSecond, size);
        const taken: number[] = [];
        let nowMs = 0;
        for (const gapMs of gaps) {
          nowMs += gapMs;
          while (bucket.take(nowMs) === 0) taken.push(nowMs);
        }
        for (let first = 0; first < taken.length; first += 7) {
          const seconds = (taken.at(-1)! - taken[first]!) / 1_000;
          expect(taken.length - first).toBeLessThanOrEqual(size + seconds * perSecond + 1e-3);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('after the time that it says there is a token, and no millisecond earlier', () => {
    fc.assert(
      fc.property(rate, burst, gapsMs, (perSecond, size, gaps) => {
        const bucket = new TokenBucket(perSecond, size);
        let nowMs = 0;
        for (const gapMs of gaps) {
          nowMs += gapMs;
          let waitMs = 0;
          for (let times = 0; waitMs === 0 && times <= size; times++) waitMs = bucket.take(nowMs);
          if (waitMs === 0) continue;
          // A millionth of a token is as good as none.
          const tooEarlyMs = waitMs - 1.001 - 0.002 / perSecond;
          if (tooEarlyMs > 0) expect(bucket.take(nowMs + tooEarlyMs)).toBeGreaterThan(0);
          nowMs += waitMs;
          expect(bucket.take(nowMs)).toBe(0);
        }
      }),
      { numRuns: 50 },
    );
  });
});
