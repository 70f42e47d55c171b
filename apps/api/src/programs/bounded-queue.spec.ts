import { BoundedQueue } from './bounded-queue.js';

describe('a bounded queue', () => {
  it('gives what writers put, in their order, and never holds more than its limit', async () => {
    const ended = new AbortController();
    const queue = new BoundedQueue<string>(2, ended.signal);
    let put = 0;
    const write = async (name: string) => {
      for (let i = 0; i < 10; i++) {
        await queue.put(`${name}${i}`);
        put++;
      }
    };
    const writing = [write('a'), write('b')];
    const taken: string[] = [];
    for await (const value of queue.take()) {
      taken.push(value);
      // Two batches of at most two may be between the writers and this reader.
      expect(put - taken.length).toBeLessThanOrEqual(4);
      if (taken.length === 20) ended.abort();
    }
    await Promise.all(writing);
    for (const name of ['a', 'b']) {
      expect(taken.filter((value) => value.startsWith(name))).toEqual(Array.from({ length: 10 }, (_, i) => `${name}${i}`));
    }
  });

  it('lets writers and the reader go when it ends', async () => {
    const ended = new AbortController();
    const queue = new BoundedQueue<number>(1, ended.signal);
    await queue.put(1);
    const waiting = queue.put(2);
    ended.abort();
    await waiting;
    for await (const value of queue.take()) throw new Error(`still gave ${value}`);
  });
});
